"""Decides which hooks of an attempt run when, and what is recorded of them.

Invariant: no hook changes an outcome but `before`, which fails what it belongs to.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

from gator.core.attempt.output.notices import GATOR_LOGGER
from gator.core.text import clean, cut
from gator.enum_names import enum_name
from gator.units import limit_text
from gator.v1 import common_pb2, event_pb2, spec_pb2

BEFORE: Final = "before"
DEFAULT_TIMEOUT_MILLIS: Final = 60_000
MAX_OUTPUT_BYTES: Final = 64 * 1024
"""Maximum number of bytes that are kept of the output of a hook."""
_MILLI: Final = 1_000_000


class HookEnd(Struct, frozen=True):
    """How a hook ended."""

    name: str
    output: bytes = b""
    """Its output, at most MAX_OUTPUT_BYTES."""
    dropped: int = 0
    """Number of bytes of output beyond these."""
    code: int = 0
    """Exit code, or the negative number of the signal that killed it."""
    problem: str = ""
    """Why it could not be started; empty if it was started."""
    is_timed_out: bool = False


class HookSequence(Struct):
    """The hooks of one attempt or group, and how far they have come."""

    hooks: spec_pb2.Hooks
    has_begun: bool = False
    is_over: bool = False
    """Whether no hook follows."""
    _left: list[str] = field(default_factory=list[str])

    @property
    def timeout_nanos(self) -> int:
        """The maximum time of each hook; 0 for no limit."""
        millis = (
            self.hooks.timeout_millis if self.hooks.HasField("timeout_millis") else DEFAULT_TIMEOUT_MILLIS
        )
        return millis * _MILLI

    def begin(self) -> bool:
        """Returns whether the hook `before` has to run now."""
        is_due = bool(self.hooks.before) and not self.has_begun
        self.has_begun = True
        return is_due

    def finish(self, outcome: common_pb2.Outcome.ValueType) -> str:
        """Returns the first hook that runs after this outcome; empty if none does."""
        if outcome == common_pb2.OUTCOME_PASSED and self.hooks.passed:
            self._left.append("passed")
        if outcome in (common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST) and self.hooks.failed:
            self._left.append("failed")
        if self.hooks.after:
            self._left.append("after")
        return self.next()

    def next(self) -> str:
        """Returns the hook that runs next; empty if none does."""
        if self._left:
            return self._left.pop(0)
        self.is_over = True
        return ""

    def skip(self) -> None:
        """Leaves out the hooks that have not run."""
        self._left.clear()
        self.is_over = True

    def problem_of(self, end: HookEnd, group: str = "") -> str:
        """Returns what is wrong with the end of a hook, as the end of a sentence; empty if it passed.

        `group` is the path of the group that has it; empty for a job.
        """
        name = f"the hook '{end.name}'{f' of {group}' if group else ''}"
        if end.problem:
            return f"{name} could not be started: {end.problem}"
        if end.is_timed_out:
            limit = limit_text(self.timeout_nanos)
            return f"{name} ran longer than {limit}; raise `timeout:` in `hooks:` if it needs more"
        if not end.code:
            return ""
        how = f"exited with code {end.code}" if end.code > 0 else f"was killed by signal {-end.code}"
        last = _last_line(end.output)
        return f"{name} {how}{f': {last}' if last else ''}"


def hook_logs(end: HookEnd) -> Iterator[event_pb2.LogEvent]:
    """Yields the lines of a hook, which do not count; their logger is its name in the spec."""
    logger = f"hooks.{end.name}"
    for line in end.output.splitlines():
        text = cut(clean(line))
        if text.strip():
            yield event_pb2.LogEvent(severity=common_pb2.SEVERITY_INFO, text=text, logger=logger)


def hook_warning(problem: str) -> event_pb2.LogEvent:
    """Returns a warning of Gator about a hook of a group."""
    return event_pb2.LogEvent(severity=common_pb2.SEVERITY_WARNING, text=cut(problem), logger=GATOR_LOGGER)


def _last_line(output: bytes) -> str:
    lines = [text for line in output.splitlines() if (text := clean(line).strip())]
    return cut(lines[-1], 200) if lines else ""


def outcome_word(outcome: common_pb2.Outcome.ValueType) -> str:
    """Returns an outcome as GATOR_OUTCOME has it, such as `passed`; empty before the end."""
    return enum_name(common_pb2.Outcome.DESCRIPTOR, outcome)


def reason_word(reason: common_pb2.Reason.ValueType) -> str:
    """Returns a reason as GATOR_REASON has it, such as `exit`; empty if there is none."""
    return enum_name(common_pb2.Reason.DESCRIPTOR, reason)
