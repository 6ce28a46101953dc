"""Finds and prints which failures are those of flaky jobs."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from msgspec.structs import replace

from gator.cli import output
from gator.cli.history.flaky import MAX_JOBS, flaky_jobs
from gator.cli.sources.failure_overlay import FailedIn, OverlaidRun
from gator.console import describe
from gator.core.history.flaky import Flakiness
from gator.units import plural

_MAX_NAMES: Final = 3
"""Maximum number of jobs that are named."""


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
    """Prints the jobs that passed in a rerun under the conditions of their failure."""
    jobs = overlaid.mended()
    if not jobs:
        return
    named = ", ".join(output.paint(path, "path") for path in jobs[:_MAX_NAMES])
    others = ", …" if len(jobs) > _MAX_NAMES else ""
    at = describe.revision(overlaid.run.git)
    output.echo()
    output.echo(f"flaky: {plural(len(jobs), 'job')} failed and then passed at {at}: {named}{others}")
