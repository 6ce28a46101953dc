"""`gator diff`: compares two runs job by job.

Invariant: the exit code is 1 if a job fails that did not fail before.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Final

import typer

from gator.cli import output
from gator.cli.failures.values import flaky_values
from gator.cli.json_output import print_json, to_values
from gator.cli.options.number import MAX_ROWS, limit_of, number_option, print_omitted
from gator.cli.runs.find import LATEST
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, HubOption
from gator.cli.runs.run_text import outcome_of, run_duration, selection_text
from gator.cli.sources.comparison import Comparison, compared
from gator.cli.sources.options import JsonOption, TrackingOption, complete_run
from gator.console import describe
from gator.core.outcomes import FAILURES
from gator.errors import UsageError
from gator.units import plural, span
from gator.v1 import common_pb2, event_pb2, hub_pb2, query_pb2

_SECOND: Final = 1_000_000_000
_WORDS: Final = {
    hub_pb2.CHANGE_NEWLY_FAILING: "newly failing",
    hub_pb2.CHANGE_FIXED: "fixed",
    hub_pb2.CHANGE_STILL_FAILING: "still failing",
    hub_pb2.CHANGE_NEW: "new",
    hub_pb2.CHANGE_GONE: "gone",
    hub_pb2.CHANGE_STILL_PASSING: "still passing",
    hub_pb2.CHANGE_OTHER: "other",
}


def diff(
    before: Annotated[
        str | None,
        typer.Argument(
            metavar="[BEFORE]",
            help="Earlier run, as for -r, such as -2; default: the run before AFTER in its series.",
            autocompletion=complete_run,
            show_default=False,
        ),
    ] = None,
    after: Annotated[
        str,
        typer.Argument(
            metavar="[AFTER]",
            help="Later run; default: latest.",
            autocompletion=complete_run,
            show_default=False,
        ),
    ] = LATEST,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    threshold: Annotated[
        int,
        typer.Option(
            "--threshold",
            min=0,
            metavar="PERCENT",
            help="Show times and metrics that changed by at least PERCENT; times also by at least 1s.",
        ),
    ] = 20,
    number: Annotated[int | None, number_option(MAX_ROWS, "lines of each kind")] = None,
    json: JsonOption = False,
) -> None:
    """Compare two runs: newly failing, fixed, still failing; times and metrics.

    The default is the latest run and the one before it in its series. Jobs are matched by their path below
    the root. The exit code is 1 if a job fails that did not fail before.
    """
    _check_names(before or "", after)
    with compared(before, after, tracking, HubChoice(hub, hub_ca)) as comparison:
        worse = any(map(_is_worse, comparison.differences))
        if json:
            for difference in comparison.differences:
                flaky = flaky_values(comparison.flaky.get(difference.path))
                print_json({**to_values(difference), "flaky": flaky})
        else:
            _print_comparison(comparison, threshold / 100, limit_of(number, MAX_ROWS))
        _print_names(comparison)
    if worse:
        raise typer.Exit(1)


def _check_names(*names: str) -> None:
    """Raises UsageError if a name is an unknown option: options are arguments here because of `-2`."""
    for name in names:
        if name.startswith("-") and not name[1:].isdecimal():
            raise UsageError(f"unknown option {name}: see gator diff -h")


def _is_worse(difference: hub_pb2.Difference) -> bool:
    if difference.change == hub_pb2.CHANGE_NEW:
        return difference.after.outcome in FAILURES
    return difference.change == hub_pb2.CHANGE_NEWLY_FAILING


def _print_names(comparison: Comparison) -> None:
    """Warns on stderr if two runs have different idents or ran different parts of the spec."""
    names = (comparison.before.ident, comparison.after.ident)
    if names[0] != names[1]:
        output.warn(f"gator: the runs have different idents: {', '.join(names)}")
    parts = [selection_text(run) or "the whole spec" for run in (comparison.before, comparison.after)]
    if parts[0] != parts[1]:
        output.warn(f"gator: the runs cover different parts of the spec: {', '.join(parts)}")
    if comparison.unselected:
        jobs = plural(comparison.unselected, "job")
        output.warn(f"gator: omitted: {jobs} that only one run selected, so neither new nor gone")


def _print_comparison(comparison: Comparison, threshold: float, limit: int | None) -> None:
    output.echo_columns(
        [_run_cells("before", comparison.before), _run_cells("after", comparison.after)],
        right=frozenset((5,)),
    )
    counts = {count.change: count.jobs for count in comparison.counts}
    others = sum(difference.other_cause for difference in comparison.differences)
    output.echo(
        ", ".join(
            f"{counts.get(change, 0):,} {text}{_with_another_cause(change, others)}"
            for change, text in _WORDS.items()
        )
    )
    for change, text in _WORDS.items():
        if change != hub_pb2.CHANGE_STILL_PASSING:
            changed = [difference for difference in comparison.differences if difference.change == change]
            if change == hub_pb2.CHANGE_OTHER:
                changed = _without_pruned(changed)
            changed.sort(key=lambda difference: not difference.other_cause)
            lines = [(difference, (_with_flaky(difference, comparison),)) for difference in changed]
            _print_section(text, lines, comparison, limit)
    percent = f"{threshold:.0%}".replace("%", " %")
    _print_section(
        f"times, changed by {percent} and 1s or more",
        _changed_times(comparison, threshold),
        comparison,
        limit,
    )
    _print_section(
        f"metrics, changed by {percent} or more", _changed_metrics(comparison, threshold), comparison, limit
    )


def _without_pruned(others: Sequence[hub_pb2.Difference]) -> list[hub_pb2.Difference]:
    """Prints the number of pruned jobs by their outcomes before; returns the other differences."""
    pruned = [entry for entry in others if entry.after.outcome == common_pb2.OUTCOME_PRUNED]
    if len(pruned) <= 1:
        return list(others)
    output.echo()
    output.echo("pruned:")
    for before, jobs in Counter(entry.before.outcome for entry in pruned).most_common():
        word = describe.outcome(before) or "not ended"
        output.echo(
            f"  {plural(jobs, 'job')}: {output.paint(word, word)} → {output.paint('pruned', 'pruned')}"
        )
    return [entry for entry in others if entry.after.outcome != common_pb2.OUTCOME_PRUNED]


def _with_another_cause(change: hub_pb2.Change.ValueType, count: int) -> str:
    """Returns how many of the jobs that fail both times have another cause than before."""
    return f" ({count:,} with another cause)" if count and change == hub_pb2.CHANGE_STILL_FAILING else ""


def _run_cells(side: str, run: query_pb2.Run) -> tuple[str, ...]:
    word = outcome_of(run)
    return (
        output.paint(side, "dim"),
        describe.moment(run.started_unix_nanos),
        run.id[:8],
        run.ident,
        output.paint(word, word),
        run_duration(run),
        output.paint(describe.commit(run.git), "dim"),
    )


def _print_section(
    title: str,
    lines: "Sequence[tuple[hub_pb2.Difference, Sequence[str]]]",
    comparison: Comparison,
    limit: int | None,
) -> None:
    if not lines:
        return
    output.echo()
    output.echo(f"{title}:")
    shown = lines[:limit]
    wide = max(len(cells) for _, cells in shown)
    output.echo_columns(
        (
            f"  {output.paint(difference.path or comparison.after.ident, 'path')}",
            *cells,
            *[""] * (wide - len(cells)),
        )
        for difference, cells in shown
    )
    if len(shown) < len(lines):
        print_omitted("line", len(lines) - len(shown), indent="  ")


def _with_flaky(difference: hub_pb2.Difference, comparison: Comparison) -> str:
    """Returns the outcome of a job, and how it ended under the same conditions if it is flaky."""
    flaky = comparison.flaky.get(difference.path)
    text = _outcome_text(difference)
    return text if flaky is None else f"{text}; flaky: {flaky.describe()}"


def _outcome_text(difference: hub_pb2.Difference) -> str:
    """Returns the outcome of a job, with the reason of a failure."""
    match difference.change:
        case hub_pb2.CHANGE_FIXED | hub_pb2.CHANGE_GONE:
            return f"before: {_side_text(difference.before)}"
        case hub_pb2.CHANGE_OTHER:
            return f"{_painted_outcome(difference.before)} → {_side_text(difference.after)}"
        case hub_pb2.CHANGE_STILL_FAILING if difference.other_cause:
            before = _side_text(difference.before)
            return f"{_side_text(difference.after)}; before, with another cause: {before}"
        case _:
            return _side_text(difference.after)


def _painted_outcome(side: hub_pb2.Side) -> str:
    word = describe.outcome(side.outcome) or "not ended"
    return output.paint(word, word)


def _side_text(side: hub_pb2.Side) -> str:
    parts = [_painted_outcome(side)]
    if side.outcome in FAILURES:
        parts.append(describe.reason(side.reason))
    if side.HasField("first_error"):
        parts.append(f"{output.painted_place(side.first_error)}: {describe.headline(side.first_error)}")
    if side.cause:
        parts.append(f"[{side.cause}]")
    return " ".join(filter(None, parts))


def _in_both_runs(comparison: Comparison) -> Iterator[hub_pb2.Difference]:
    return (
        difference
        for difference in comparison.differences
        if difference.HasField("before") and difference.HasField("after")
    )


_Lines = list[tuple[hub_pb2.Difference, Sequence[str]]]


def _changed_times(comparison: Comparison, threshold: float) -> _Lines:
    """Returns the jobs whose time changed much, the largest change first."""
    changed = [
        (difference, difference.before.wall_nanos, difference.after.wall_nanos)
        for difference in _in_both_runs(comparison)
        if difference.before.wall_nanos
        and difference.after.wall_nanos
        and abs(difference.after.wall_nanos - difference.before.wall_nanos)
        >= max(_SECOND, threshold * difference.before.wall_nanos)
    ]
    changed.sort(key=lambda entry: abs(entry[2] - entry[1]), reverse=True)
    return [
        (difference, _change_cells(old, new, lambda nanos: span(round(nanos))))
        for difference, old, new in changed
    ]


def _changed_metrics(comparison: Comparison, threshold: float) -> _Lines:
    """Returns the metrics that changed much, in the order of the jobs."""
    lines = _Lines()
    for difference in _in_both_runs(comparison):
        old = {metric.name: _figures(metric) for metric in difference.before.metrics}
        for metric in difference.after.metrics:
            was = old.get(metric.name, {})
            for name, value in _figures(metric).items():
                before = was.get(name, value)
                if before != value and abs(value - before) >= threshold * abs(before):
                    cells = _change_cells(before, value, describe.number)
                    lines.append((difference, (name, *cells, metric.unit)))
    return lines


def _figures(metric: event_pb2.MetricTotal) -> dict[str, float]:
    """Returns the value of a metric by its name, with the count and quantiles of several values.

    These are named `step_time count` and `step_time p95`. A side with one value has no quantiles.
    """
    figures = {metric.name: metric.value, f"{metric.name} count": metric.count}
    if metric.count > 1:
        figures |= {f"{metric.name} p{each.rank * 100:g}": each.value for each in metric.quantiles}
    return figures


def _change_cells(old: float, new: float, text_of: Callable[[float], str]) -> Sequence[str]:
    change = f"{(new - old) / abs(old) * 100:+.0f} %" if old else ""
    return (f"{text_of(old)} → {text_of(new)}", change)
