"""Reports an error: as a line for the user, as an exit code, and as a traceback in a file.

Invariant: a traceback goes to a file, never to the terminal.
"""

import os
import shlex
import stat
import sys
import time
import traceback
from pathlib import Path
from typing import Final, TextIO

from gator.cli.exit_codes import FAULT, USAGE
from gator.cli.run_report import report_problems
from gator.core.text import shorten_values
from gator.core.visible import visible
from gator.errors import (
    DamagedFolderError,
    GatorError,
    SpecError,
    UnavailableError,
    UnknownCallError,
    UserError,
    reason_of,
)
from gator.runtime.standard_streams import OutputError

_TOO_LARGE: Final = "Value out of range: "
"""Beginning of protobuf's error for a number that its field cannot hold, here that of an option."""

_fault_log: Path | None = None


def set_fault_log(file: Path) -> None:
    """Sets the file for tracebacks: `gator.log` in the folder of the run."""
    global _fault_log  # noqa: PLW0603 - one per process, known once the folder is
    _fault_log = file


def report_error(error: Exception) -> int:
    """Prints an error on stderr; returns the exit code."""
    if isinstance(error, SpecError):
        report_problems(error)
        for problem in error.problems:
            _print_error(str(problem))
        return USAGE
    if isinstance(error, UserError | DamagedFolderError):
        _print_error(f"gator: {error}")
        return USAGE
    if isinstance(error, OutputError):
        drop_stdout()
        _print_error(f"gator: cannot write the output: {reason_of(error)}")
        return FAULT
    if isinstance(error, FileNotFoundError) and error.filename is None and not _cwd_exists():
        _print_error("gator: the current folder was removed: change to another one")
        return USAGE
    if isinstance(error, ValueError) and str(error).startswith(_TOO_LARGE):
        _print_error(
            f"gator: the number {str(error).removeprefix(_TOO_LARGE)} is too large: use a smaller one"
        )
        return USAGE
    what = str(error) or type(error).__name__
    if _is_peer_failure(error):
        _print_error(f"gator: {what}")
        return FAULT
    log = write_traceback(error)
    _print_error(f"gator: {what} (details in {log})" if log else f"gator: {what}")
    return FAULT


def _is_peer_failure(error: Exception) -> bool:
    """Returns whether another process failed or is not reachable, so that a traceback explains nothing."""
    if isinstance(error, UnavailableError | UnknownCallError):
        return True
    # Without grpc imported, no error comes from it, and importing it here would take long.
    grpc = sys.modules.get("grpc")
    return isinstance(error, GatorError) and grpc is not None and isinstance(error.__cause__, grpc.RpcError)


def _cwd_exists() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True


def write_traceback(error: BaseException) -> Path | None:
    """Appends a traceback to the fault log; returns where it is, None if it could not be written."""
    text = "".join(traceback.format_exception(error))
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    entry = _masked(f"{stamp} pid {os.getpid()}: {shlex.join(sys.argv)}\n{text}\n")
    if _fault_log is not None:
        try:
            with _open_log(_fault_log) as file:
                file.write(entry)
        except OSError:
            pass  # The run belongs to another user, or the disk is full; the temporary folder is tried next.
        else:
            return _fault_log
    import tempfile

    try:
        fd, name = tempfile.mkstemp(prefix="gator-", suffix=".log")
        with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(entry)
    except OSError:
        return None
    return Path(name)


def _open_log(log: Path) -> TextIO:
    """Opens the fault log of a run. Raises OSError unless it is a file of this user.

    The folder may belong to another user who put a link or a FIFO there.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(log, flags, 0o666)
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid() or info.st_nlink > 1:
        os.close(fd)
        raise PermissionError(f"{log} is not a file of this user")
    return os.fdopen(fd, "a", encoding="utf-8", errors="backslashreplace")


def drop_stdout() -> None:
    """Redirects stdout to /dev/null, so that buffered text raises no error at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def _print_error(text: str) -> None:
    try:
        sys.stderr.write(visible(shorten_values(_masked(text))) + "\n")
        sys.stderr.flush()
    except OSError:
        pass  # stderr is closed too.


def _masked(text: str) -> str:
    # Imported late because it loads the generated messages, which `gator --help` does not need.
    from gator.cli.secrets import hide_secrets

    return hide_secrets(text)
