"""Options that replace values of a spec's root: times, limits on messages, the number of failures.

Invariant: an option replaces the value of the root only; values on nodes below stay.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

from msgspec import Struct

from gator.errors import UsageError
from gator.units import parse_duration
from gator.v1 import spec_pb2

Root: TypeAlias = spec_pb2.Job | spec_pb2.JobGroup | spec_pb2.JobArray

NO_LIMIT: Final = ("none", "unlimited")
"""Words that mean no limit, as in a spec."""
MAX_LIMIT: Final = 2**53
MAX_MAX_FAIL: Final = 2**31 - 1
_UNLIMITED: Final = -1
"""Value in `Limits` for no limit."""


class RootOptions(Struct, frozen=True):
    """The values as the user wrote them; None for an option that was not given."""

    limit_warning: str | None = None
    limit_error: str | None = None
    limit_critical: str | None = None
    timeout: str | None = None
    deadline: str | None = None
    max_fail: str | None = None

    def given(self) -> Iterator[tuple[str, str]]:
        """Returns the names of the options that were given, such as `--limit-error`, with their values."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None:
                yield f"--{name.replace('_', '-')}", value


def replace_on_root(root: Root, options: RootOptions) -> None:
    """Replaces the values on the root. Raises UsageError for an invalid one."""
    if options.limit_warning is not None:
        root.settings.limits.warning = _limit(options.limit_warning, "--limit-warning")
    if options.limit_error is not None:
        root.settings.limits.error = _limit(options.limit_error, "--limit-error")
    if options.limit_critical is not None:
        root.settings.limits.critical = _limit(options.limit_critical, "--limit-critical")
    if options.timeout is not None:
        root.settings.timeout_millis = _time(options.timeout, "--timeout")
    if options.deadline is not None:
        root.deadline_millis = _time(options.deadline, "--deadline")
    if options.max_fail is not None:
        most = _count(options.max_fail, "--max-fail", 1, MAX_MAX_FAIL, none=0)
        if not isinstance(root, spec_pb2.Job):
            root.max_fail = most


def _limit(text: str, option: str) -> int:
    return _count(text, option, 0, MAX_LIMIT, none=_UNLIMITED)


def _count(text: str, option: str, least: int, most: int, *, none: int) -> int:
    if text.lower() in NO_LIMIT:
        return none
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1
    if not least <= number <= most:
        raise UsageError(f"{option} {text}: give a whole number from {least} to {most}, or none for no limit")
    return number


def _time(text: str, option: str) -> int:
    """Returns milliseconds; 0 for no limit."""
    if text.lower() in NO_LIMIT:
        return 0
    try:
        millis = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from error
    if not millis:
        raise UsageError(f"{option} {text}: give more than 0, or none for no limit")
    return millis
