"""What the client says where its stream does not work: on stderr, and never counted against a job."""

import contextlib
import os
import stat
import sys

from gator.core.notices import notice_line


def say(text: str) -> None:
    """Writes a notice to stderr: into a pipe, as that of a job, so that a wrapper knows it as Gator's own."""
    plain = f"gator: {text}"
    try:
        descriptor = sys.stderr.fileno()
        is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except (OSError, ValueError, AttributeError):
        # stderr is closed, or something that is no file stands in for it.
        if sys.stderr is not None:
            print(plain, file=sys.stderr)  # noqa: T201 - there is no other way to say it
        return
    line = notice_line(text) if is_pipe else f"{plain}\n".encode(errors="replace")
    with contextlib.suppress(OSError):
        # In one piece, and without the lock of the file, which a frozen thread may hold at the end.
        os.write(descriptor, line)
