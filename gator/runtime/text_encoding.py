"""The encoding of arguments, variables, file names and standard streams.

Invariant: arguments, variables and file names are UTF-8 whatever the locale, and pass through byte for byte;
only what is printed has the encoding of the locale.
"""

import os
import sys
from pathlib import Path
from typing import Final

UTF8_MODE: Final = ("-X", "utf8")
"""Python options for processes started by Gator (PEP 540)."""
_COERCED: Final = "LC_CTYPE"
"""Variable that Python sets at start-up in the C locale (PEP 538)."""


def use_utf8() -> None:
    """Restarts this program in UTF-8 mode if the locale has another encoding.

    Python decodes arguments and variables before any code runs, so a restart is needed. It costs one
    interpreter start, in rare locales only.
    """
    if not is_utf8(sys.getfilesystemencoding()):
        command = [sys.executable, *UTF8_MODE, *sys.orig_argv[1:]]
        os.execv(sys.executable, command)  # noqa: S606 - the program is this one


def is_utf8(encoding: str) -> bool:
    """Returns whether an encoding is UTF-8, by any of its names."""
    return encoding.lower().replace("-", "").replace("_", "") == "utf8"


def output_encoding(encoding: str) -> str:
    """Returns the encoding for a standard stream that has `encoding` from Python.

    In UTF-8 mode Python ignores the locale, but a terminal does not. The user may set PYTHONIOENCODING and
    PYTHONUTF8=1.
    """
    is_chosen = os.environ.get("PYTHONUTF8") == "1" or os.environ.get("PYTHONIOENCODING", "")[:1] not in (
        "",
        ":",
    )
    if not sys.flags.utf8_mode or is_chosen:
        return encoding
    import locale

    of_locale = locale.getencoding()
    # Python takes UTF-8 for the C locale, whose own encoding would be ASCII (PEP 540).
    return encoding if of_locale in ("ANSI_X3.4-1968", "US-ASCII") else of_locale


def launch_variables() -> dict[str, str]:
    """Returns the environment with which this process was started, without additions by Python."""
    variables = dict(os.environ)
    if _COERCED in variables and not _was_set(_COERCED):
        del variables[_COERCED]
    return variables


def _was_set(name: str) -> bool:
    try:
        items = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return True
    return any(item.startswith(f"{name}=".encode()) for item in items)
