"""The arguments and the results of runners. Data only."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from gator.errors import UserError


class RunnerError(UserError):
    """A job cannot be run in this way; the message says why and what to do."""


class RunnerJob(Struct, frozen=True):
    """An attempt at a job that is about to start."""

    argv: Sequence[str]
    """The command line after expansion; a script is an argument of bash."""
    env: Mapping[str, str]
    """The environment of the command: that of the launch, that of the spec and Gator's own variables."""
    own_names: Sequence[str]
    """The variables that the spec and Gator set, for runners that do not pass on that of the launch."""
    cwd: str
    """The working directory, absolute."""
    options: Mapping[str, Any]
    """The value of the runner in the spec: strings, numbers, booleans, lists and mappings."""
    run_folder: Path
    folder: Path
    """A folder that the runner may make for the files of this attempt."""
    run: str
    path: str
    attempt: int
    cores: int
    memory_bytes: int
    """The memory that the job asked for; 0 if it did not."""
    ulimit: Mapping[str, int] = field(default_factory=dict[str, int])
    """Limits of the spec by their names in setrlimit(2) in lower case; -1 means unlimited."""


class RunnerCommand(Struct, frozen=True):
    """The process to start in place of the command of a job."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    end: Sequence[str] = ()
    """A command that is run after the attempt, however it ended, to remove its leavings; empty for none."""
