"""Ends a process of Gator without finalising its interpreter.

While an interpreter is finalised it freezes the threads of gRPC wherever they are, and then destroys calls,
channels and servers. Their destructors wait for locks that a frozen thread may hold, and so for ever. What a
process has to end (streams, servers, stores, children) it ends itself before this; the system does the rest.

Invariant: every process of Gator that may load gRPC ends by `leave`.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Final, NoReturn

INTERRUPTED: Final = 130
FLUSH_FAILED: Final = 120
"""Exit code of a process that would have succeeded but cannot write its output, as Python has it."""


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
    """Writes what is buffered for stdout and stderr, and ends the process at once.

    No function of `atexit` is called, and no thread is waited for.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except BrokenPipeError:
            code = code or FLUSH_FAILED
        except (OSError, ValueError) as error:
            code = code or FLUSH_FAILED
            reason = getattr(error, "strerror", None) or error
            _tell(f"gator: the output cannot be written: {reason}\n")
    os._exit(code)


def code_of(exit_request: SystemExit) -> int:
    """Returns the exit code that a SystemExit asks for; a text goes to stderr, as Python does it."""
    code = exit_request.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    _tell(f"{code}\n")
    return 1


def _tell(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, text.encode(errors="backslashreplace"))
