"""Notices that `gator run` prints before the run starts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from gator.cli.launch.options import PlanOptions
from gator.cli.launch.preflight import notes_of
from gator.cli.launch.specs.load import LoadedSpec
from gator.core.launch import printed
from gator.core.launch.runnable import Runnable
from gator.units import plural

MAX_WARNINGS: Final = 10
"""Maximum number of warnings about a spec that are printed before its run."""


class Notice(Struct, frozen=True):
    """A line about the launch."""

    text: str
    is_warning: bool = True


def notices_of(loaded: LoadedSpec, runnable: Runnable, options: PlanOptions) -> Iterator[Notice]:
    """Yields the warnings about a spec, up to the maximum, and the notes about its plan."""
    for problem in runnable.warnings[:MAX_WARNINGS]:
        yield Notice(str(problem))
    if len(runnable.warnings) > MAX_WARNINGS:
        more = plural(len(runnable.warnings) - MAX_WARNINGS, "more warning")
        spec = loaded.name if loaded.is_stdin else str(Path(loaded.name).absolute())
        yield Notice(f"{more}: see {printed.command('check', spec)}")
    for note in notes_of(runnable, options):
        yield Notice(note, is_warning=False)
