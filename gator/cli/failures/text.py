"""Prints failures and causes."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from gator.cli import output
from gator.cli.failures.causes import CauseOf, FoundCauses, in_order, sightings_in
from gator.cli.failures.flaky import compared
from gator.cli.failures.values import next_steps
from gator.cli.history.sightings import Sightings
from gator.cli.options.number import print_omitted
from gator.cli.sources.failure_overlay import FailedIn
from gator.console import describe
from gator.console.text import cut, one_line
from gator.core.causes.failed_tests import causes_in
from gator.core.history.failure_groups import MAX_LISTED_FAILURES, cause_of
from gator.core.launch.printed import command
from gator.core.outcomes import wrote_nothing
from gator.units import plural
from gator.v1 import common_pb2, query_pb2

_MAX_CELLS = 100
"""Maximum width of the first error of a cause in a line."""
_MAX_TESTS = 20
"""Maximum number of failed tests of a job that are listed."""


def print_each(failed: Iterable[FailedIn]) -> bool:
    """Prints each failure in full. Returns whether there is one."""
    count = 0
    for count, one in enumerate(compared(failed), 1):
        if count > 1:
            output.echo()
        _print_failure(one)
    return count > 0


def print_causes(
    causes: FoundCauses, few: Iterable[FailedIn], paths: Sequence[str], limit: int | None
) -> bool:
    """Prints few failures individually, more by cause with an example. Returns whether there is one."""
    total = causes.jobs + causes.allowed
    if total > 1:
        output.echo(causes.headline())
        output.echo()
    if total <= MAX_LISTED_FAILURES:
        return print_each(in_order(few))
    shown = causes.groups[:limit]
    examples = compared(group.example for group in shown)
    for number, (group, example) in enumerate(zip(shown, examples, strict=True)):
        if number:
            output.echo()
        _print_cause(replace(group, example=example), causes, paths)
    _print_omitted_causes(causes, shown)
    return True


def print_cause_lines(causes: FoundCauses, limit: int | None) -> bool:
    """Prints one line for each cause. Returns whether there is one."""
    if not causes.groups:
        return False
    output.echo(causes.headline())
    shown = causes.groups[:limit]
    output.echo_columns(map(_columns, shown), right=frozenset({1}))
    _print_omitted_causes(causes, shown)
    return True


def _columns(group: CauseOf) -> Sequence[str]:
    node = group.example.node
    sightings = sightings_in(group.example)
    state = sightings.state(group.key)
    if group.is_allowed:
        state = f"{state} allowed".strip()
    error = describe.headline(node.first_error) or node.message
    tickets = group.all_tickets
    return (
        output.paint(state or "-", "warning" if state in ("new", "back") else "dim"),
        f"{group.jobs:,}",
        sightings.age(group.key),
        f"{group.key} ({', '.join(tickets)})" if tickets else group.key,
        output.paint(node.path, "path"),
        cut(error, _MAX_CELLS),
    )


def _print_omitted_causes(causes: FoundCauses, shown: Sequence[CauseOf]) -> None:
    """Prints how many causes and failures were left out."""
    left = len(causes.groups) + causes.left_out - len(shown)
    if left:
        jobs = causes.jobs + causes.allowed - sum(group.jobs for group in shown)
        output.echo()
        # Jobs in which several tests failed are counted for several causes.
        print_omitted("cause", left, about=plural(jobs, "failure") if jobs > 0 else "")


def _print_cause(group: CauseOf, causes: FoundCauses, paths: Sequence[str]) -> None:
    node = group.example.node
    reason = describe.reason(node.reason) or describe.state(node)
    counting = group.jobs - group.allowed
    numbers = f"{counting:,} of {plural(causes.jobs, 'failure')}"
    if not counting:
        numbers = plural(group.allowed, "allowed failure")
    have = "has" if (counting or group.allowed) == 1 else "have"
    output.echo(output.paint(f"{numbers} {have} this cause, reason: {reason}", describe.state(node)))
    _print_failure(group.example)
    for ticket in group.tickets:
        if ticket != node.ticket:
            output.echo(f"  ticket: {ticket}")
    for note in group.notes:
        if note.text:
            written = f"{note.author}, {describe.moment(note.time_unix_nanos)}"
            output.echo(f"  note:   {note.text} ({written})")
    if group.jobs > 1:
        where = group.example.source.where
        output.echo(f"  others: {command('failures', *paths, '--cause', group.key, where=where)}")


def _print_failure(one: FailedIn) -> None:
    node = one.node
    output.echo(f"{_name(node)}: {node.message}")
    error = describe.headline(node.first_error)
    # The position is not in the message.
    if error and (node.first_error.line or error not in node.message):
        output.echo(f"  {output.painted_place(node.first_error)}: {error}")
    if node.cause:
        matched = f", matched by: {one_line(node.cause_line)}" if node.cause_line else ""
        output.echo(f"  cause:  {describe.cause(node)}{matched}")
    output.echo(f"  seen:   {sightings_in(one).describe(cause_of(node))}")
    _print_tests(one)
    if one.flaky is not None:
        output.echo(f"  flaky:  {one.flaky.describe()}")
    if one.passed:
        output.echo(f"  passed: {one.passed}")
    if commit := one.commit():
        output.echo(f"  commit: {commit}")
    _print_next_steps(one)


def _print_tests(one: FailedIn) -> None:
    """Prints the tests that failed in a job, new ones first, if there are several."""
    node = one.node
    if not node.failed_tests.list:
        return
    sightings = sightings_in(one)
    tests = sorted(causes_in(node), key=lambda test: sightings.rank(cause_of(test)))
    output.echo(f"  tests:  {describe.failed_tests(node.failed_tests)}")
    output.echo_columns(_test_columns(test, sightings) for test in tests[:_MAX_TESTS])
    if len(tests) > _MAX_TESTS:
        more = command("failures", node.path, "--causes", where=one.source.where)
        output.echo(f"    … and {len(tests) - _MAX_TESTS} more: {more}")


def _test_columns(test: query_pb2.Node, sightings: Sightings) -> Sequence[str]:
    key = cause_of(test)
    state = sightings.state(key) or "-"
    return (
        f"    {output.paint(state, 'warning' if state in ('new', 'back') else 'dim')}",
        sightings.age(key),
        test.cause or test.signature,
        cut(describe.headline(test.first_error), _MAX_CELLS),
    )


def _name(node: query_pb2.Node) -> str:
    """Returns the outcome and path of a job: `failed top/x`."""
    state = describe.state(node)
    allowed = output.paint(" (allowed)", "dim") if node.allow_failure else ""
    return f"{output.paint(state, state)} {output.paint(node.path, 'path')}{allowed}"


def _is_silent(one: FailedIn) -> bool:
    """Returns whether a job without a text log wrote nothing, as far as that is known here."""
    node = one.node
    if node.HasField("first_error") or node.reason == common_pb2.REASON_HOOK:
        return False
    return wrote_nothing(node.reason, has_error=False) or one.source.is_log_empty(node.path)


def _print_next_steps(one: FailedIn) -> None:
    steps = next_steps(one)
    if steps["log"]:
        output.echo(f"  log:    {steps['log']}")
    node = one.node
    if node.reason != common_pb2.REASON_NOT_STARTED and (steps["log"] or not _is_silent(one)):
        output.echo(f"  output: {steps['inspect']}")
    if steps["evidence"]:
        output.echo(f"  hang:   {steps['evidence']}")
    if steps["reproduce"]:
        output.echo(f"  again:  {steps['reproduce']}")
    if steps["needs"]:
        output.echo(f"  needs:  {steps['needs']}")
