"""What the name and the pattern of a cause may be.

Invariant: the name of a cause is never the beginning of a signature.
"""

import re
from typing import Any, cast

MAX_NAME_CHARACTERS = 128
"""Maximum length of the name of a cause."""
_SIGNATURE = re.compile(r"s\d+-[0-9a-f]*")


def name_problem(name: str) -> str:
    """Returns why a text cannot be the name of a cause; empty if it can."""
    if not name.strip() or not name.isprintable():
        return "the name of a cause is one line of visible characters"
    if len(name) > MAX_NAME_CHARACTERS:
        return f"the name of a cause has at most {MAX_NAME_CHARACTERS} characters"
    if _SIGNATURE.fullmatch(name):
        return "the name of a cause cannot look like a signature"
    return ""


def pattern_problem(pattern: str) -> str:
    """Returns why a text is no pattern of RE2; empty if it is one."""
    import re2

    for mark in ("(?=", "(?!", "(?<=", "(?<!"):
        if mark in pattern:
            return f"RE2 has no look-around: write the pattern without {mark}"
    module = cast("Any", re2)
    options = module.Options()
    # RE2 would print the error as well.
    options.log_errors = False
    try:
        module.compile(pattern, options=options)
    except module.error as error:
        reason: Any = error.args[0] if error.args else ""
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        return f"this is no pattern of RE2: {text}"
    return ""
