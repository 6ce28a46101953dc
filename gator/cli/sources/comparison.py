"""Compares two runs, each in a folder or on a hub.

Invariant: two runs of one hub are compared by the hub.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from gator.cli.history.flaky import flaky_jobs
from gator.cli.runs.hub_choice import PREFIX, HubChoice, name_on_hub
from gator.cli.runs.paging import pages
from gator.cli.runs.run_text import selection_text
from gator.cli.sources.open import OpenRun, open_run
from gator.cli.sources.present_rules import rules_for
from gator.core.history import compare
from gator.core.history.flaky import Flakiness
from gator.core.launch.printed import command
from gator.errors import NotFoundError
from gator.ports import History
from gator.v1 import common_pb2, event_pb2, hub_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import query_service_pb2 as qs


class Comparison(Struct, frozen=True):
    """Two runs and how their jobs changed."""

    before: query_pb2.Run
    after: query_pb2.Run
    differences: Sequence[hub_pb2.Difference]
    """All jobs of both, by change, then by path."""
    counts: Sequence[hs.ChangeCount]
    unselected: int = 0
    """Number of jobs that are left out because only one of the runs selected them."""
    flaky: Mapping[str, Flakiness] = {}
    """Those of the first jobs that newly fail or are fixed that are flaky, by their paths below the root."""


@contextmanager
def compared(before: str | None, after: str, tracking: Path | None, hub: HubChoice) -> Generator[Comparison]:
    """Compares two runs, named as after `-r`; the default for `before` is the run before in the series.

    Raises NotFoundError, StoreError and UsageError.
    """
    if before is None:
        before = _before(after, tracking, hub)
    plain = HubChoice(ca=hub.ca)
    if name_on_hub(before, plain) is not None and name_on_hub(after, plain) is not None:
        yield _by_the_hub(before, after, hub)
        return
    with _open(before, tracking, hub) as first, _open(after, tracking, hub) as second:
        old, new = dict(_jobs(first)), dict(_jobs(second))
        changed = compare.compare(
            {path: side.outcome for path, side in old.items()},
            {path: side.outcome for path, side in new.items()},
        )
        unknown = compare.unknown_changes(first.run, second.run)
        known = [change for change in changed if change.change not in unknown]
        flaky = _flaky(second.source.history(), second.run, known)
        yield Comparison(
            first.run,
            second.run,
            [compare.difference(change, old.get(change.path), new.get(change.path)) for change in known],
            compare.count(known),
            len(changed) - len(known),
            flaky,
        )


def _flaky(
    history: History, run: query_pb2.Run, changes: Iterable[compare.Changed | hub_pb2.Difference]
) -> dict[str, Flakiness]:
    """Returns the flaky ones of the jobs that newly fail or are fixed, by their paths below the root."""
    paths = {
        f"{run.ident}/{one.path}" if one.path else run.ident: one.path
        for one in changes
        if one.change in (hub_pb2.CHANGE_NEWLY_FAILING, hub_pb2.CHANGE_FIXED)
    }
    return {paths[path]: flaky for path, flaky in flaky_jobs(history, run, paths).items()}


def _before(after: str, tracking: Path | None, hub: HubChoice) -> str:
    """Returns the name of the run before another one in its series."""
    with open_run(after, tracking, hub) as later:
        history = later.source.history()
        previous = history.previous(later.run)
        if previous is None:
            listing = command("runs", where=history.where)
            part = selection_text(later.run) or "the whole spec"
            raise NotFoundError(
                f"{later.run.id[:8]} is the first known run of {later.run.ident} with {part}: "
                f"name the two runs to compare, see {listing}"
            )
        name = later.source.of(previous).name
        # The run may be outside the folder of --tracking.
        return name if name.startswith(PREFIX) else previous.folder


def _by_the_hub(before: str, after: str, hub: HubChoice) -> Comparison:
    from gator.cli.history.hub import HubHistory
    from gator.cli.runs import hub_client

    with hub_client.connect(hub) as connected:
        old = connected.find(name_on_hub(before, hub) or "")
        new = connected.find(name_on_hub(after, hub) or "")
        differences = list[hub_pb2.Difference]()
        counts = list[hs.ChangeCount]()
        unselected = 0
        for page in connected.compare(old.id, new.id, rules_for(new)):
            differences.extend(page.differences)
            counts = counts or list(page.counts)
            unselected = unselected or page.unselected
        history = HubHistory(connected, rules_for(new))
        flaky = _flaky(history, history.full_run(new), differences)
    return Comparison(old, new, differences, counts, unselected, flaky)


@contextmanager
def _open(run_name: str, tracking: Path | None, hub: HubChoice) -> Generator[OpenRun]:
    # An address alone must not mean that a name without `hub:` is a run on the hub.
    on_hub = name_on_hub(run_name, HubChoice()) is not None
    with open_run(run_name, tracking, hub if on_hub else HubChoice()) as opened:
        yield opened


def _jobs(opened: OpenRun) -> Iterator[tuple[str, hub_pb2.Side]]:
    """Yields the jobs of a run by their paths below the root."""
    metrics = dict(_metrics(opened))
    request = qs.ListNodesRequest(
        path=opened.run.ident, scope=qs.SCOPE_SUBTREE, kinds=[common_pb2.NODE_KIND_JOB]
    )
    for page in pages(opened.api.list_nodes, request):
        for node in page.nodes:
            yield compare.below_root(node.path), compare.side_of(node, metrics.get(node.path, ()))


def _metrics(opened: OpenRun) -> Iterator[tuple[str, Sequence[event_pb2.MetricTotal]]]:
    request = qs.ListMetricsRequest(path=opened.run.ident)
    for page in pages(opened.api.list_metrics, request):
        for node in page.nodes:
            yield node.path, node.metrics
