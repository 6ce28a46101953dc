"""The rule for names of causes.

Invariant: the name of a cause is never the beginning of a signature.
"""

import re

MAX_NAME_CHARACTERS = 128
"""Maximum length of the name of a cause."""
_SIGNATURE = re.compile(r"s\d+-[0-9a-f]*")


def name_problem(name: str) -> str:
    """Returns why a string cannot be the name of a cause; empty if it can."""
    if not name.strip() or not name.isprintable():
        return "the name of a cause is one line of visible characters"
    if len(name) > MAX_NAME_CHARACTERS:
        return f"the name of a cause is limited to {MAX_NAME_CHARACTERS} characters"
    if _SIGNATURE.fullmatch(name):
        return "the name of a cause cannot look like a signature"
    return ""
