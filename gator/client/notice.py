"""Notices of the client on stderr, for when its stream does not work; they never count against the job."""

import contextlib
import os
import stat
import sys

from gator.core.attempt.output.notices import notice_line


def write_notice(text: str) -> None:
    """Writes a notice to stderr; in a pipe, like that of a job, in the form that the wrapper recognises."""
    plain = f"gator: {text}"
    try:
        descriptor = sys.stderr.fileno()
        is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except (OSError, ValueError, AttributeError):
        # stderr is closed or replaced by an object that is not a file.
        if sys.stderr is not None:
            print(plain, file=sys.stderr)  # noqa: T201 - there is no other way to show it
        return
    line = notice_line(text) if is_pipe else f"{plain}\n".encode(errors="replace")
    with contextlib.suppress(OSError):
        # One write without the lock of the file, which a frozen thread may hold at exit.
        os.write(descriptor, line)
