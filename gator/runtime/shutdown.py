"""Ends a process of Gator without finalising its interpreter.

Finalisation freezes the threads of gRPC wherever they are and then destroys calls, channels and servers.
Their destructors wait for locks that a frozen thread may hold, so the process hangs. Streams, servers, stores
and children are closed before this; the operating system does the rest.

Invariant: every process of Gator that may load gRPC ends by `leave`.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Final, NoReturn

INTERRUPTED: Final = 130
FLUSH_FAILED: Final = 120
"""Exit code of a process that succeeded but cannot write its output, the same as Python's."""


def run(main: Callable[[], int]) -> NoReturn:
    """Ends the process with the exit code that `main` returns, or as Python does where it raises."""
    try:
        code = main()
    except SystemExit as end:
        code = code_of(end)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    leave(code)


def leave(code: int) -> NoReturn:
    """Flushes stdout and stderr and ends the process at once.

    Does not call `atexit` functions and does not wait for threads.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except BrokenPipeError:
            code = code or FLUSH_FAILED
        except (OSError, ValueError) as error:
            code = code or FLUSH_FAILED
            reason = str(getattr(error, "strerror", None) or error)
            reason = reason[:1].lower() + reason[1:]
            _write_stderr(f"gator: cannot write the output: {reason}\n")
    os._exit(code)


def code_of(exit_request: SystemExit) -> int:
    """Returns the exit code of a SystemExit; prints a string to stderr, as Python does."""
    code = exit_request.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    _write_stderr(f"{code}\n")
    return 1


def _write_stderr(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, text.encode(errors="backslashreplace"))
