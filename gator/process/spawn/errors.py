"""Errors of starting a command, with a sentence on the cause and what to do.

An error is final if it is the fault of the command, and transient if resources are lacking.
"""

import errno
import os
from collections.abc import Mapping, Sequence

from gator.errors import reason_of
from gator.spec.exec_limits import MAX_STRING_BYTES, ONE_PROGRAM, byte_length, too_long

_TRANSIENT_ERRNOS = frozenset(
    {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.ETXTBSY, errno.EINTR}
)

# Words of a shell that name no program on most systems, or do nothing useful as one.
_BUILTIN_WORDS = (
    ". : alias bg bind builtin case cd command complete declare dirs disown enable eval exec exit export "
    "fc fg for function getopts hash help history if jobs let local logout mapfile popd pushd read "
    "readonly return set shift shopt source suspend times trap type typeset ulimit umask unalias unset "
    "until wait while"
)
_BUILTINS = frozenset(_BUILTIN_WORDS.split())


class SpawnError(Exception):
    """A command that was not started.

    `errno` is the number of errno(3); `transient` says that the host lacks resources now and that the
    same command may start later.
    """

    def __init__(self, number: int, message: str, *, transient: bool | None = None) -> None:
        super().__init__(message)
        self.errno = number
        self.message = message
        self.transient = number in _TRANSIENT_ERRNOS if transient is None else transient


def refuse_directory(cwd: str, error: OSError) -> SpawnError:
    """Returns the error for a working directory that cannot be entered."""
    number = error.errno or errno.EIO
    if number == errno.ENOENT:
        return SpawnError(number, f"the working directory does not exist: {cwd}")
    if number == errno.ENOTDIR:
        return SpawnError(number, f"the working directory is not a directory: {cwd}")
    if number == errno.EACCES:
        return SpawnError(number, f"the working directory may not be entered, mend its permissions: {cwd}")
    return SpawnError(number, f"the working directory cannot be entered: {cwd}: {reason_of(error)}")


def refuse_lookup(name: str, number: int) -> SpawnError:
    """Returns the error for a program without a slash that is not in the PATH of the job."""
    if number == errno.EACCES:
        return SpawnError(number, f"{name} is found in PATH, but is not executable: chmod +x it")
    if name in _BUILTINS:
        return SpawnError(number, f"{name} is a shell builtin: use 'shell'")
    if not name:
        return SpawnError(number, "the command is empty: name a program")
    if any(character in name for character in " |&;<>$\t\n"):
        return SpawnError(number, f"no such program in PATH: '{name}': {ONE_PROGRAM}")
    return SpawnError(number, f"no such program in PATH: {name}")


def refuse_program(
    path: str, argv: Sequence[str], environment: Mapping[str, str], error: OSError
) -> SpawnError:
    """Returns the error for a program that exec refused.

    Relative paths are resolved from the current directory, so call it before leaving that of the job.
    """
    number = error.errno or errno.EIO
    if number in _TRANSIENT_ERRNOS:
        return SpawnError(number, f"no process can be started for lack of resources: {reason_of(error)}")
    if number == errno.ENOENT:
        return SpawnError(number, _explain_missing(path))
    if number == errno.EACCES:
        return SpawnError(number, _explain_forbidden(path))
    if number == errno.ENOTDIR:
        return SpawnError(number, f"no such program: {path}: a part of its path is not a directory")
    if number == errno.E2BIG:
        return SpawnError(number, _explain_length(argv, environment))
    if number == errno.ENOEXEC:
        return SpawnError(number, f"not a program for this machine: {path}")
    return SpawnError(number, f"cannot be started: {path}: {reason_of(error)}")


def _explain_length(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    for at, item in enumerate(argv):
        if (size := byte_length(item)) > MAX_STRING_BYTES:
            return too_long(f"argument {at} of {argv[0]}" if at else "the name of the program", size)
    for name, value in environment.items():
        if (size := byte_length(f"{name}={value}")) > MAX_STRING_BYTES:
            return too_long(f"the variable {name}", size)
    arguments = sum(byte_length(item) + 1 for item in argv)
    variables = sum(byte_length(f"{name}={value}") + 1 for name, value in environment.items())
    return (
        f"arguments ({arguments:,} bytes) and environment ({variables:,} bytes) are too long together: "
        "put arguments into a file, remove variables, or raise ulimit -s"
    )


def _explain_missing(path: str) -> str:
    if any(character in path for character in " |&;<>\t\n") and not os.path.lexists(path):
        return f"no such program: '{path}': {ONE_PROGRAM}"
    interpreter = _read_interpreter(path)
    if interpreter:
        return f"the interpreter in the first line of {path} does not exist: {interpreter}"
    if os.path.lexists(path):
        return f"a link that leads nowhere, or a program whose loader is missing: {path}"
    return f"no such program: {path}"


def _explain_forbidden(path: str) -> str:
    if os.path.isdir(path):  # noqa: PTH112 - relative to the job's directory, as exec saw it
        return f"a directory, not a program: {path}"
    interpreter = _read_interpreter(path)
    if os.access(path, os.X_OK) and interpreter:
        return f"the interpreter in the first line of {path} is not executable: {interpreter}"
    return f"not executable: {path}: chmod +x it"


def _read_interpreter(path: str) -> str:
    """Reads the program behind #! in the first line of a file, empty if there is none."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - relative to the job's directory
            line = file.readline(256)
    except OSError:
        return ""
    words = line[2:].split() if line.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words else ""
