"""One tree of errors, by who must act.

A failing *job* is no error: it is a Result. What is raised is for the user (`UserError`: bad spec or
usage, exit code 2) or is Gator's own fault (`GatorError`, exit code 3). Messages are lower-case
fragments that complete "failed to ..." and say what to do.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct


class GatorError(Exception):
    """A fault of Gator or of what it stands on; exit code 3, traceback to a file, one line to the user."""


class UserError(Exception):
    """Something the user can mend; exit code 2, no traceback."""


class UsageError(UserError):
    """A wrong option or argument."""


class Problem(Struct, frozen=True, order=True):
    """One thing that is wrong in a text.

    `file` is the path as the user gave it, `line` and `column` count from 1 (0 when unknown).
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


class SpecError(UserError):
    """A spec that cannot run, with all problems and warnings in the order of the text."""

    def __init__(self, problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> None:
        self.problems: Sequence[Problem] = tuple(sorted(set(problems)))
        self.warnings: Sequence[Problem] = tuple(sorted(set(warnings)))
        super().__init__("\n".join(map(str, self.problems)))


class StoreError(GatorError):
    """A store that cannot be opened, read or written."""


class EmptyStoreError(StoreError):
    """A store whose owner has not made the tables yet, or went before: nothing is in it."""


class DiskFullError(StoreError):
    """No space is left where a store lives."""


class ProtocolError(GatorError):
    """A peer said something that the table of roles does not allow; INVALID_ARGUMENT on the wire."""


class UnauthenticatedError(UserError):
    """A token is missing or not good for what was asked."""


class PermissionDeniedError(UserError):
    """Who asks is known, but what is asked for belongs to someone else."""


class NotFoundError(UserError):
    """A run, node or line that was asked for does not exist."""


class UnavailableError(GatorError):
    """A peer cannot be reached now."""


class UnknownCallError(GatorError):
    """A peer does not know what it was asked: it is of another version, or not what it was taken for."""


class PreconditionError(UserError):
    """What was asked cannot be done in the state things are in; FAILED_PRECONDITION on the wire."""
