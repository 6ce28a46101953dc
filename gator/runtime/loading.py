"""Postpones garbage collection where much is created and nothing is garbage."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Generator[None]:
    """Disables garbage collection while much is created, such as the nodes of a YAML document.

    With 100,000 rows of a matrix the collector took 3.5 of 4.6 s, because each collection visits everything
    that was created before.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def quickly() -> Generator[None]:
    """Disables garbage collection during imports, and while a spec is read and planned.

    Both create many objects that stay, and no garbage in cycles: the collector takes 40 % of the time of
    `gator check` with 20,000 jobs. Objects that exist at the end are excluded from later collections too.
    """
    with uncollected():
        try:
            yield
        finally:
            gc.freeze()
