"""Strings for outcomes, times, amounts and messages, the same in all commands and displays."""

import time
from collections.abc import Iterable, Iterator
from typing import Final

from gator.console.text import one_line
from gator.core.causes.shown import is_last_words, shown_line
from gator.enum_names import enum_name
from gator.units import plural, size_text, span
from gator.v1 import common_pb2, event_pb2, query_pb2

TALLY_ORDER: Final = ("running", "waiting", "passed", "failed", "lost", "pruned", "cancelled", "flaky")
"""Fields of a Tally in the order in which they are shown."""
_WAITING_REASONS: Final = {
    query_pb2.WAITING_REASON_DEPENDENCY: "what it depends on",
    query_pb2.WAITING_REASON_LICENSE: "licenses",
    query_pb2.WAITING_REASON_HOST: "a host",
}
"""Strings of the reasons that differ from the names of the enum."""


_MAX_TEST_NAMES = 3
"""Maximum number of failed tests that are named."""


def outcome(value: int) -> str:
    """Returns `passed`, `failed`, …; empty if there is no outcome yet."""
    return enum_name(common_pb2.Outcome.DESCRIPTOR, value)


def reason(value: int) -> str:
    """Returns `timeout`, `exit`, …; empty if there is none."""
    return enum_name(common_pb2.Reason.DESCRIPTOR, value)


def severity(value: int) -> str:
    """Returns `info`, `error`, …."""
    return enum_name(common_pb2.Severity.DESCRIPTOR, value)


def stream(value: int) -> str:
    """Returns `out`, `err`, `log1` and so on; empty for no stream."""
    return enum_name(common_pb2.Stream.DESCRIPTOR, value).removeprefix("std")


def state(node: query_pb2.Node) -> str:
    """Returns the outcome of a node, else `running` or `waiting`."""
    return outcome(node.outcome) or enum_name(query_pb2.NodeState.DESCRIPTOR, node.state) or "unknown"


def took(used: event_pb2.Usage, start: int, end: int) -> str:
    """Returns a duration as measured, else by the wall clock; empty if it is not known."""
    nanos = used.wall_nanos or (end - start if start and end else 0)
    # The difference is negative if the clock was set back.
    return span(max(nanos, 0)) if nanos else ""


def waiting_reasons(values: Iterable[query_pb2.WaitingReason.ValueType]) -> str:
    """Returns why a node has not started: `cores and memory`."""
    descriptor = query_pb2.WaitingReason.DESCRIPTOR
    return " and ".join(_WAITING_REASONS.get(value) or enum_name(descriptor, value) for value in values)


def start_of(run: query_pb2.Run, node: query_pb2.Node) -> int:
    """Returns the start of a node, that of the run for the root, in nanoseconds since 1970; 0 for none."""
    return run.started_unix_nanos if node.path == run.ident else node.started_unix_nanos


def running_nanos(run: query_pb2.Run, start: int) -> int:
    """Returns the known duration since `start`, in nanoseconds.

    For a run that is not connected to its hub, it ends when the hub last heard from the run.
    """
    away = run.state == query_pb2.RUN_STATE_UNSPECIFIED and run.last_seen_unix_nanos
    # Clocks of hosts differ and may be set back.
    return max((away or time.time_ns()) - start, 0)


def since_start(run: query_pb2.Run, node: query_pb2.Node) -> str:
    """Returns what follows the state of a node: ` for 4m05s`, ` after 12.3s: exit code 1`, or nothing."""
    start = start_of(run, node)
    if node.state == query_pb2.NODE_STATE_ENDED:
        duration = took(node.usage, start, node.ended_unix_nanos)
        after = f" after {duration}" if duration else ""
        return f"{after}: {node.message}" if node.message else after
    since = f" for {span(running_nanos(run, start))}" if start else ""
    return since if run.state == query_pb2.RUN_STATE_RUNNING else f"{since} when it was last heard from"


def moment(unix_nanos: int) -> str:
    """Returns a time in the local zone, to the second; `-` for 0."""
    if not unix_nanos:
        return "-"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix_nanos / 1e9))


def number(value: float) -> str:
    """Returns a number in its shortest form: `1,200`, `0.25`."""
    return f"{value:,.0f}" if abs(value) < 1e15 and value == int(value) else f"{value:.6g}"


def progress(made: event_pb2.Progress) -> str:
    """Returns how far a job has come, as `42 %` or `3 of 10`, with its text; empty if it reported none.

    A job that has not written the line after which it works is `starting`.
    """
    amount = ""
    if made.HasField("total"):
        amount = (
            f"{number(made.done)} %" if made.total == 100 else f"{number(made.done)} of {number(made.total)}"
        )
    started = "starting" if made.starting else ""
    return " ".join(part for part in (started, amount, one_line(made.text)) if part)


def artefact(made: event_pb2.Artefact) -> str:
    """Returns an artefact in one line, with its name unless that is the end of its path."""
    head = "" if made.file.endswith(made.name) else f"{made.name}: "
    notes = [size_text(made.size_bytes)] if made.sha256 else []
    notes += [one_line(made.text)] if made.text else []
    tail = f" ({', '.join(notes)})" if notes else ""
    return f"{head}{made.file}{tail}"


def tally_parts(counts: event_pb2.Tally) -> Iterator[tuple[str, int]]:
    """Yields the names and numbers of a tally that are not 0, in the order of display."""
    for name in TALLY_ORDER:
        count = int(getattr(counts, name))
        if count:
            yield name, count


def tally(counts: event_pb2.Tally, allowed: event_pb2.Tally | None = None) -> str:
    """Returns `2 running, 5 waiting, 10 passed`; `nothing yet` if all are 0.

    `allowed` are the failures that are allowed: `3 failed (1 allowed)`.
    """
    of_these = dict(tally_parts(allowed)) if allowed is not None else {}
    parts = (
        f"{count:,} {name}" + (f" ({of_these[name]:,} allowed)" if name in of_these else "")
        for name, count in tally_parts(counts)
    )
    return ", ".join(parts) or "nothing yet"


def demand(asked: common_pb2.Demand) -> str:
    """Returns the resources that a job holds while it runs: `2 cores, 1.5 GB, 1 simulator`."""
    parts = [plural(asked.cores, "core")]
    if asked.memory_bytes:
        parts.append(size_text(asked.memory_bytes))
    parts += [f"{count} {name}" for name, count in sorted(asked.licenses.items())]
    return ", ".join(parts)


def line_place(first_error: event_pb2.ErrorMessage) -> str:
    """Returns the stream and line of a message, such as `out:17`; empty if it is not of a line."""
    return f"{stream(first_error.stream) or 'out'}:{first_error.line}" if first_error.line else ""


def headline(error: event_pb2.ErrorMessage) -> str:
    """Returns the line of a first error that explains the failure, as a terminal shows it."""
    return one_line(shown_line(error))


def failed_tests(tests: event_pb2.FailedTests) -> str:
    """Returns `12 failed: test_pop, test_push, test_peek, …`; empty if there are none."""
    names = [one_line(test.error.item) for test in tests.list if test.error.item]
    if not names:
        return ""
    more = ", …" if len(names) > _MAX_TEST_NAMES else ""
    return f"{len(names) + tests.left_out:,} failed: {', '.join(names[:_MAX_TEST_NAMES])}{more}"


def error_name(error: event_pb2.ErrorMessage) -> str:
    """Returns `first error`, or `last line` if the job wrote no message and this is its last output."""
    return "last line" if is_last_words(error) else "first error"


def commit(git: query_pb2.Git) -> str:
    """Returns `commit 3f2a91c0 on main, with changes`; empty for none."""
    return f"commit {revision(git)}" if git.commit else ""


def cause(node: query_pb2.Node) -> str:
    """Returns the name that a rule gives to the cause, and its ticket: `grant timeout (HW-12)`."""
    return f"{node.cause} ({node.ticket})" if node.ticket else node.cause


def revision(git: query_pb2.Git) -> str:
    """Returns `3f2a91c0 on main, with changes`; empty for none."""
    if not git.commit:
        return ""
    branch = f" on {git.branch}" if git.branch else ""
    return f"{git.commit[:8]}{branch}{', with changes' if git.dirty else ''}"


def commits(good: query_pb2.Git, bad: query_pb2.Git) -> str:
    """Returns `commits 25cb5c26..6f1f22ec`, the changes between two runs; empty if they are not known."""
    if not good.commit or not bad.commit:
        return ""
    changes = " with changes" if bad.dirty else ""
    if good.commit == bad.commit:
        if bad.dirty != good.dirty:
            since = "now with changes" if bad.dirty else "before that with changes"
            return f"both at commit {bad.commit[:8]}, {since}"
        return f"both at commit {bad.commit[:8]}{changes}"
    return f"commits {good.commit[:8]}..{bad.commit[:8]}{changes}"
