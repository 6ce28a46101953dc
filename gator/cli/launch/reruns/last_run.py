"""Runs that repeat a part of an earlier run: `--only @failed`, `--skip @passed` and `--repeat RUN`.

Invariant: reads only. The outcome of a job is its newest one in the repeated run and its reruns.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from gator.cli.history.folders import MAX_SECONDS, MAX_START_SECONDS, FolderHistory
from gator.cli.history.overlaid import overlaid_jobs
from gator.cli.history.pruned import not_run_since
from gator.cli.launch.reruns.inherit import inherit
from gator.cli.launch.reruns.requested_selection import RequestedSelection
from gator.cli.runs.hub_choice import PREFIX, HubChoice
from gator.cli.runs.hub_names import NO_HUB, names_hub
from gator.core.history import series
from gator.core.history.overlay import OverlaidJob
from gator.core.launch.printed import command
from gator.core.launch.rerun import REPEAT
from gator.core.outcomes import FAILURES, tally_size
from gator.errors import GatorError, UsageError, UserError
from gator.node_paths import key_of_path
from gator.path_patterns import FAILED, PASSED, escape
from gator.ports import History
from gator.v1 import common_pb2, query_pb2

_ID = re.compile(r"[0-9a-f]{32}")


def resolve(
    requested: RequestedSelection, ident: str, tracking: Path, hub: HubChoice | None = None
) -> RequestedSelection:
    """Returns the selection with the jobs that `@failed` and `@passed` stand for, and the run to repeat.

    Runs are looked for in a tracking folder, then on a hub if there is one. Raises UsageError when there is
    no such run, or nothing in it failed, and UnavailableError when reading takes too long.
    """
    away, where = "", ("--tracking", str(tracking.absolute()))
    if not requested.repeat.startswith(PREFIX):
        history = FolderHistory(tracking, total_seconds=MAX_START_SECONDS)
        original = _original(history, requested, ident)
        if original is not None:
            return inherit(
                _repeat(history, original, requested, ident), history.full_run(original), requested
            )
        if _ID.fullmatch(requested.repeat) and FAILED not in requested.only and PASSED not in requested.skip:
            # The run may be on another host or removed; only its id is needed.
            return replace(requested, notes=[_not_found(requested.repeat, tracking)])
    if hub is not None:
        try:
            return _from_hub(requested, ident, hub)
        except (GatorError, UserError) as error:
            away = f"; {error}"
    raise UsageError(_none(requested, ident, f"in {tracking}", where) + away)


def _not_found(run: str, tracking: Path) -> str:
    """Returns the note about a run that is repeated without its record."""
    return (
        f"run {run[:8]} is not in {tracking}: its parameters, scale and seeds are unknown, and only those of "
        "this command apply"
    )


def choice_of(
    address: str | None, ca: Path | None, environment: Mapping[str, str], repeat: str
) -> HubChoice | None:
    """Returns the hub to ask where no folder has the run; None where none is named."""
    if address is not None and address.strip().lower() == NO_HUB:
        return None
    if not address and not names_hub(environment) and not repeat.startswith(PREFIX):
        return None
    return HubChoice(address, ca, MAX_SECONDS)


def _from_hub(requested: RequestedSelection, ident: str, hub: HubChoice) -> RequestedSelection:
    from gator.cli.history.hub import HubHistory
    from gator.cli.runs import hub_client

    with hub_client.connect(hub) as connected:
        history = HubHistory(connected)
        original = _original(history, requested, ident)
        if original is None:
            raise UsageError(_none(requested, ident, history.location, history.where))
        selected = _repeat(history, original, requested, ident)
        return inherit(selected, history.full_run(original), requested)


def _original(history: History, requested: RequestedSelection, ident: str) -> query_pb2.Run | None:
    """Returns the run to repeat: the named one, else the newest of the series.

    If the series has no run, it is the newest one of the whole spec.
    """
    if requested.repeat:
        run = history.run(requested.repeat.removeprefix(PREFIX))
        above = history.run(run.parent) if run is not None and run.parent else None
        return above or run
    base = _base(requested)
    runs = history.runs(ident, base, 1)
    if not runs and not (FAILED in requested.only and (base.only or base.tags)):
        runs = history.runs(ident, series.WHOLE, 1)
    return runs[0] if runs else None


def _base(requested: RequestedSelection) -> query_pb2.Selection:
    """Returns the selection without `@failed` and `@passed`, which determines the series."""
    only = (glob for glob in requested.only if glob != FAILED)
    skip = (glob for glob in requested.skip if glob != PASSED)
    return series.selection_of(only, skip, requested.tags)


def _none(requested: RequestedSelection, ident: str, location: str, where: Sequence[str]) -> str:
    """Returns the error for a missing run to repeat; `where` are options of `gator runs` for the place."""
    words = _words(requested)
    listing = command("runs", where=where)
    if requested.repeat:
        return f"{words} {requested.repeat}: there is no such run {location}: see {listing}"
    options = series.options_of(_base(requested))
    runs = f"no run of {ident} with {options}" if options else f"no run of {ident}"
    return f"{words}: {runs} {location}"


def _words(requested: RequestedSelection) -> str:
    if requested.repeat:
        return REPEAT
    return f"--only {FAILED}" if FAILED in requested.only else f"--skip {PASSED}"


def _repeat(
    history: History, original: query_pb2.Run, requested: RequestedSelection, ident: str
) -> RequestedSelection:
    """Returns the options of a run that repeats a part of `original`."""
    if original.ident != ident:
        raise UsageError(
            f"cannot repeat {requested.repeat}: it ran '{original.ident}' and this spec is '{ident}'; "
            f"name a run of '{ident}' or use --id {original.ident}"
        )
    parent = original.parent or original.id
    only, skip, tags = requested.only, requested.skip, requested.tags
    if FAILED not in only and PASSED not in skip:
        return RequestedSelection(only, skip, tags, parent, original.seed)
    skip_given = skip
    overlaid = overlaid_jobs(history, original, history.reruns(original), passed=PASSED in skip)
    failed = sorted((path for path, job in overlaid.items() if job.outcome in FAILURES), key=key_of_path)
    if FAILED in only:
        if not failed:
            reruns = " and its reruns" if len(history.reruns(original)) else ""
            raise UsageError(
                f"--only {FAILED}: nothing failed in the last run of {ident}, {original.id[:8]}{reruns}"
            )
        # The jobs of that run match these options already, so only the failed ones remain.
        only, tags = [f"/{escape(path)}" for path in failed], ()
    if PASSED in skip:
        passed = _passed(history.nodes(original, only_jobs=False), overlaid)
        skip = [glob for glob in skip if glob != PASSED] + list(passed)
    seeds = {path: overlaid[path].seed for path in failed if not overlaid[path].is_group}
    # With `@passed` the pruned jobs run.
    not_run = "" if PASSED in skip_given else _not_run(history, original, overlaid)
    return RequestedSelection(only, skip, tags, parent, original.seed, seeds, not_run=not_run)


def _not_run(history: History, original: query_pb2.Run, ran: Mapping[str, OverlaidJob]) -> str:
    pruned = history.nodes(original, [common_pb2.OUTCOME_PRUNED])
    return not_run_since(pruned, history.full_run(original), ran)


def _passed(nodes: Iterable[query_pb2.Node], overlaid: Mapping[str, OverlaidJob]) -> Iterator[str]:
    """Yields globs of what passed: whole groups, else single jobs.

    A plan cannot skip a part of one repeat of a group, so no glob matches such a part. The jobs of a group
    that failed itself have not passed, because all of them are needed to check its contracts.
    """
    failed = tuple(
        f"{path}/" for path, group in overlaid.items() if group.is_group and group.outcome in FAILURES
    )
    passed = [
        path
        for path, job in overlaid.items()
        if job.outcome == common_pb2.OUTCOME_PASSED and not job.is_group and not path.startswith(failed)
    ]
    below: dict[str, int] = {}
    for path in passed:
        at = path
        while at:
            at = at.rpartition("/")[0]
            below[at] = below.get(at, 0) + 1
    covered: list[str] = []
    for node in nodes:
        if node.kind == common_pb2.NODE_KIND_JOB or below.get(node.path, 0) != tally_size(node.tally):
            continue
        if not _in_repeat(node.path) and not (covered and node.path.startswith(covered[-1])):
            covered.append(f"{node.path}/")
    yield from (f"/{escape(path.removesuffix('/'))}" for path in covered)
    groups = {*covered}
    for path in sorted(passed, key=key_of_path):
        above = [path[: at + 1] for at, letter in enumerate(path) if letter == "/"]
        if not _in_repeat(path) and groups.isdisjoint(above):
            yield f"/{escape(path)}"


def _in_repeat(path: str) -> bool:
    return "[" in path.rpartition("/")[0]
