"""The exceptions of Gator, by who has to act.

A failing *job* is not an error but a Result. Exceptions are for the user (`UserError`, exit code 2: a wrong
spec or usage, or a hub that does not answer a reading command) or faults of Gator (`GatorError`, exit code
3). Messages are lower case: what happened, then what to do.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct


class GatorError(Exception):
    """A fault of Gator or its environment; exit code 3, a traceback in a file, one line for the user."""


class UserError(Exception):
    """Something the user can correct; exit code 2, no traceback."""


class UsageError(UserError):
    """A wrong option or argument."""


def reason_of(error: OSError) -> str:
    """Returns the reason of the operating system in lower case, such as `permission denied`."""
    text = error.strerror or str(error)
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


class OptionError(UsageError):
    """An option with a value that it cannot have; `reason` says what it must be."""

    def __init__(self, option: str, value: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{option} {value}: {reason}")


class Problem(Struct, frozen=True, order=True):
    """One mistake in a spec or another document.

    `file` is the path as the user gave it; `line` and `column` count from 1, or are 0 if unknown.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        location = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{location}: {self.message}"


class SpecError(UserError):
    """A spec that cannot run, with all problems and warnings in the order of the text."""

    def __init__(self, problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> None:
        self.problems: Sequence[Problem] = tuple(sorted(set(problems)))
        self.warnings: Sequence[Problem] = tuple(sorted(set(warnings)))
        super().__init__("\n".join(map(str, self.problems)))


class StoreError(GatorError):
    """A store that cannot be opened, read or written."""


class EmptyStoreError(StoreError):
    """A store without tables, because its owner has not made them yet or ended before."""


class DamagedFolderError(StoreError):
    """A run's folder has something in place of a file or folder of Gator, such as a FIFO; exit code 2."""


class DiskFullError(StoreError):
    """The disk of a store is full."""


class ProtocolError(GatorError):
    """A peer sent a message that its role does not allow; INVALID_ARGUMENT on the wire."""


class UnauthenticatedError(UserError):
    """A token is missing or does not authorise the request."""


class PermissionDeniedError(UserError):
    """The caller is known, but the requested object belongs to someone else."""


class NotFoundError(UserError):
    """A requested run, node or line does not exist."""


class UnavailableError(GatorError):
    """A peer cannot be reached at the moment."""


class UnknownCallError(GatorError):
    """A peer does not have the call: it has another version or is another kind of server."""


class PreconditionError(UserError):
    """The request is impossible in the current state; FAILED_PRECONDITION on the wire."""


def no_attempt(path: str, number: int, attempts: int) -> NotFoundError:
    """Returns the error for an attempt that a job does not have, given how many it has."""
    return NotFoundError(f"{path} has no attempt {number}: it has {attempts or 'none'}")


def describe_foreign(error: Exception) -> str:
    """Returns the type, the text and the innermost line of an error in an installed package."""
    from traceback import extract_tb

    frame = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({frame.filename}:{frame.lineno})"
