"""Finds and prints which failures are those of flaky jobs."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final

from msgspec.structs import replace

from gator.cli import output
from gator.cli.history.flaky import MAX_JOBS, flaky_jobs
from gator.cli.sources.failure_overlay import FailedIn, OverlaidRun
from gator.console import describe
from gator.core.history.flaky import Flakiness
from gator.units import plural, some_of

_MAX_NAMES: Final = 3
"""Maximum number of jobs, and of variables, that are named."""


def compared(failed: Iterable[FailedIn]) -> Iterator[FailedIn]:
    """Yields failures, the first 100 of them compared with other runs under the same conditions."""
    rest = iter(failed)
    first = list(islice(rest, MAX_JOBS))
    paths: dict[str, list[str]] = {}
    for one in first:
        paths.setdefault(one.run.id, []).append(one.node.path)
    flakiness_of: dict[tuple[str, str], Flakiness] = {}
    for one in first:
        if at := paths.pop(one.run.id, ()):
            flaky = flaky_jobs(one.source.history(), one.run, at)
            flakiness_of.update(((one.run.id, path), flakiness) for path, flakiness in flaky.items())
    for one in first:
        yield replace(one, flaky=flakiness_of.get((one.run.id, one.node.path)))
    yield from rest


def print_passed_in_rerun(overlaid: OverlaidRun) -> None:
    """Prints the jobs that passed in a rerun at the commit of their failure.

    They are flaky unless a variable of the launch that the jobs use may have made the difference.
    """
    mended = overlaid.mended()
    flaky = [path for path, changed in mended.items() if not changed]
    at = describe.revision(overlaid.run.git)
    if flaky:
        output.echo()
        output.echo(f"flaky: {plural(len(flaky), 'job')} failed and then passed at {at}: {_named(flaky)}")
    if others := [path for path, changed in mended.items() if changed]:
        changes = some_of(list(dict.fromkeys(chain.from_iterable(mended.values()))), _MAX_NAMES)
        output.echo()
        output.echo(
            f"{plural(len(others), 'job')} failed and then passed at {at} with other variables "
            f"({changes}): {_named(others)}"
        )


def _named(jobs: Sequence[str]) -> str:
    named = ", ".join(output.paint(path, "path") for path in jobs[:_MAX_NAMES])
    return f"{named}{', …' if len(jobs) > _MAX_NAMES else ''}"
