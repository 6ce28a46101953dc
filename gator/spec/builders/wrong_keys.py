"""Errors about a key that a node cannot have: where it belongs, or which key was probably meant."""

from gator.spec import keys
from gator.spec.suggestions import nearest

_TAGS = {"cores": "!Cores", "memory": "!Memory", "license": "!License"}
_PARENTS = {
    sub.name: parent
    for parent, subs in keys.SUB_KEYS.items()
    if parent in keys.NODE_KEYS or parent in _TAGS
    for sub in subs
}
_TAG_OF_FIELD = {"size": "!Memory", "unit": "!Memory", "enforce": "!Memory", "count": "!Cores or a !License"}

_KEY_OF_ALIAS = {word: key.name for key in keys.NODE_KEYS.values() for word in key.words}


def _alias_of(name: str) -> str | None:
    """Returns the key for a word of another tool, in any case and with dashes."""
    return _KEY_OF_ALIAS.get(name.lower().replace("-", "_"))


def wrong_key(name: str, kind: str, *, is_root: bool) -> str:
    """Returns the error for a key that a node of this kind cannot have."""
    key = keys.NODE_KEYS.get(name)
    if key is not None:
        return _misplaced(key, kind, is_root)
    if name in keys.LATER:
        return f"'{name}' is reserved for a later version"
    if name in _TAG_OF_FIELD:
        return f"'{name}' belongs in a {_TAG_OF_FIELD[name]} of resources"
    if name in _PARENTS and _PARENTS[name] not in _TAGS and _alias_of(name) is None:
        return f"'{name}' belongs in {_PARENTS[name]}"
    near = _alias_of(name) or nearest(name, keys.KEYS_OF[kind]) or nearest(name, keys.NODE_KEYS)
    if near is None:
        return f"unknown key '{name}'"
    if near in keys.KEYS_OF[kind]:
        return f"unknown key '{name}': did you mean '{near}'?"
    other = _misplaced(keys.NODE_KEYS[near], kind, is_root)
    return f"unknown key '{name}': {other}"


def _misplaced(key: keys.Key, kind: str, is_root: bool) -> str:
    owners = " or ".join(f"a {owner}" for owner in key.nodes)
    if key.root_only:
        is_licenses = is_root and key.name == "licenses"
        hint = "; for a single job use --license" if is_licenses else ""
        return f"'{key.name}' belongs on the root, when that is {owners}{hint}"
    return f"'{key.name}' belongs on {owners}, not on a {kind}"
