"""Readers of settings, which every level may have, and of plain values; one function per type of value."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.spec import keys
from gator.spec.builders import scalars
from gator.spec.builders.parsers import read_parsers
from gator.spec.builders.place import Place, check_names
from gator.spec.builders.reading import Pair, Reading, is_null
from gator.spec.interpolation import EVERY_NAME, PLAN_TIME
from gator.spec.keys import Key
from gator.spec.suggestions import did_you_mean
from gator.v1 import spec_pb2

_STDERR = {
    "auto": spec_pb2.STDERR_MODE_AUTO,
    "info": spec_pb2.STDERR_MODE_INFO,
    "warning": spec_pb2.STDERR_MODE_WARNING,
    "error": spec_pb2.STDERR_MODE_ERROR,
    "merge": spec_pb2.STDERR_MODE_MERGE,
}
_KEEP = {
    "failed": spec_pb2.SCRATCH_KEEP_FAILED,
    "all": spec_pb2.SCRATCH_KEEP_ALL,
    "none": spec_pb2.SCRATCH_KEEP_NONE,
}


def mapping(reading: Reading, node: Node, what: str) -> dict[str, Pair]:
    """Returns the pairs of a mapping; none after a problem."""
    if isinstance(node, MappingNode):
        return reading.pairs(node) if reading.standard(node) else {}
    if reading.standard(node):
        reading.problem(node, f"{what} must be a mapping, such as {_EXAMPLES.get(what, '{name: value}')}")
    return {}


_EXAMPLES = {
    "env": "{NAME: value}",
    "limits": "{error: 0}",
    "retries": "{lost: 2}",
    "ulimit": "{core: 0}",
    "licenses": "{ToolA: 4}",
}


def known(reading: Reading, pairs: dict[str, Pair], what: str, type_name: str) -> dict[str, Pair]:
    """Returns the pairs with a known key and a value; reports each unknown key."""
    names = [key.name for key in keys.SUB_KEYS[type_name]]
    for name, pair in pairs.items():
        if name in names:
            continue
        if type_name == "retries" and name in keys.LATER_RETRIES:
            message = f"this version of Gator knows only {{lost: N}} in retries, not '{name}'"
        else:
            message = f"{what} has no key '{name}'{did_you_mean(name, names)}"
        reading.problem(pair.key, message)
    return {name: pair for name, pair in pairs.items() if name in names and not is_null(pair.value)}


def texts(reading: Reading, node: Node, what: str) -> list[tuple[Node, str]]:
    """Returns the texts of a list, each with its node; reports items that are not texts."""
    if not isinstance(node, SequenceNode):
        if reading.standard(node):
            shown = f": write [{reading.source(node)}]" if isinstance(node, ScalarNode) else ""
            reading.problem(node, f"{what} must be a list{shown}")
        return []
    if not reading.standard(node):
        return []
    reading.count_values(len(node.value))
    found: list[tuple[Node, str]] = []
    for item in node.value:
        if isinstance(item, ScalarNode) and not item.value and not item.style:
            reading.problem(item, f"an item of {what} is missing: write '' for an empty text")
            continue
        value = scalars.text(reading, item, f"an item of {what}")
        if value is not None:
            found.append((item, value))
    return found


def text_or_texts(reading: Reading, node: Node, what: str) -> list[tuple[Node, str]]:
    """Returns the texts of a list, or a single text, each with its node; reports what is not a text."""
    if not isinstance(node, ScalarNode):
        return texts(reading, node, what)
    value = scalars.text(reading, node, what)
    return [(node, value)] if value is not None else []


def _env(reading: Reading, settings: spec_pb2.Settings, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    for name, pair in mapping(reading, value, "env").items():
        if not name or "=" in name or "\0" in name:
            reading.problem(pair.key, f"'{name}' cannot be the name of a variable")
            continue
        if name.startswith("GATOR_"):
            reading.warn(pair.key, f"{name} is set by Gator itself: the value here has no effect")
        if is_null(pair.value):
            settings.env.add(name=name)
            continue
        text = scalars.text(reading, pair.value, name)
        if text is not None and scalars.startable(
            reading, pair.value, f"{name}={text}", f"the variable {name}"
        ):
            check_names(reading, pair.value, text, EVERY_NAME, place)
            settings.env.add(name=name, value=text)


def _cwd(reading: Reading, settings: spec_pb2.Settings, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    text = scalars.text(reading, value, "cwd")
    if text:
        check_names(reading, value, text, EVERY_NAME, place)
        settings.cwd = text


def _setup(reading: Reading, settings: spec_pb2.Settings, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    text = scalars.text(reading, value, "setup")
    if text:
        check_names(reading, value, text, PLAN_TIME, place)
        settings.setup = text


def _grace(reading: Reading, settings: spec_pb2.Settings, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    if scalars.is_none_word(value):
        reading.problem(value, "grace must end: write a time, such as 10s")
        return
    millis = scalars.duration(reading, value, "grace")
    if millis is not None:
        settings.grace_millis = millis


def limited(reading: Reading, value: Node, what: str) -> int | None:
    """Returns the milliseconds of a time limit; 0 for `none`, while a written 0 is a problem."""
    millis = scalars.duration(reading, value, what)
    if millis == 0 and not scalars.is_none_word(value):
        reading.problem(value, f"{what} cannot be 0: write none for no limit")
        return None
    return millis


def _stderr(reading: Reading, settings: spec_pb2.Settings, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    word = scalars.choice(reading, value, "stderr", keys.STDERR_MODES)
    if word is not None:
        settings.stderr = _STDERR[word]


def _parsers(reading: Reading, settings: spec_pb2.Settings, key: Key, pair: Pair, place: Place) -> None:
    found = read_parsers(reading, pair.value)
    if found is not None:
        settings.parsers.CopyFrom(found)


def _scratch(reading: Reading, settings: spec_pb2.Settings, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    if not isinstance(value, MappingNode):
        enabled = scalars.boolean(reading, value, "scratch", alternative=" or {keep: WHICH, root: PATH}")
        if enabled is not None:
            settings.scratch.CopyFrom(spec_pb2.Scratch(enabled=enabled))
        return
    scratch = spec_pb2.Scratch(enabled=True)
    for name, pair in known(reading, mapping(reading, value, "scratch"), "scratch", "scratch").items():
        if name == "keep":
            word = scalars.choice(reading, pair.value, "keep", keys.KEEPS)
            scratch.keep = _KEEP[word] if word is not None else scratch.keep
            continue
        root = scalars.filled_text(reading, pair.value, "root")
        if root is not None:
            check_names(reading, pair.value, root, PLAN_TIME, place)
            scratch.root = root
    settings.scratch.CopyFrom(scratch)


def _ulimit(reading: Reading, settings: spec_pb2.Settings, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    for name, pair in mapping(reading, value, "ulimit").items():
        if name == "locks":
            reading.problem(
                pair.key, "Linux does not enforce locks, and Gator marks processes with it: leave it out"
            )
        elif name not in keys.ULIMITS:
            hint = did_you_mean(name, keys.ULIMITS)
            reading.problem(pair.key, f"setrlimit(2) has no limit '{name}'{hint}")
        elif scalars.is_none_word(pair.value):
            settings.ulimit[name] = -1
        elif not is_null(pair.value):
            if keys.ULIMITS[name]:
                number = scalars.size(reading, pair.value, name, "B")
            else:
                number = scalars.integer(reading, pair.value, name, 0, 2**63 - 1, alternative=" or unlimited")
            if number is not None:
                settings.ulimit[name] = number


def _retries(reading: Reading, settings: spec_pb2.Settings, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    if isinstance(value, ScalarNode):
        reading.problem(value, "this version of Gator retries only lost attempts: write {lost: N}")
        return
    for pair in known(reading, mapping(reading, value, "retries"), "retries", "retries").values():
        count = scalars.integer(reading, pair.value, "lost", 0, 1000)
        if count is not None:
            settings.retries.lost = count


def _limits(reading: Reading, settings: spec_pb2.Settings, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    for name, pair in known(reading, mapping(reading, value, "limits"), "limits", "limits").items():
        if scalars.is_none_word(pair.value):
            count = -1
        else:
            count = scalars.integer(reading, pair.value, name, 0, 2**53, alternative=" or none")
        if count is None:
            continue
        match name:
            case "warning":
                settings.limits.warning = count
            case "error":
                settings.limits.error = count
            case _:
                settings.limits.critical = count


def _tags(reading: Reading, settings: spec_pb2.Settings, key: Key, pair: Pair, place: Place) -> None:
    for node, tag in text_or_texts(reading, pair.value, "tags"):
        if not tag.strip():
            reading.problem(node, "a tag cannot be empty")
        elif scalars.no_names(reading, node, tag, "tags") and tag not in settings.tags:
            settings.tags.append(tag)


def _time_limit(reading: Reading, message: Any, key: Key, pair: Pair, place: Place) -> None:
    millis = limited(reading, pair.value, key.name)
    if millis is not None:
        setattr(message, key.path[1], millis)


def _boolean(reading: Reading, message: Any, key: Key, pair: Pair, place: Place) -> None:
    wanted = scalars.boolean(reading, pair.value, key.name)
    if wanted is not None:
        setattr(message, key.path[1], wanted)


def _text(reading: Reading, message: Any, key: Key, pair: Pair, place: Place) -> None:
    text = scalars.text(reading, pair.value, key.name)
    if text is not None and scalars.no_names(reading, pair.value, text, key.name):
        setattr(message, key.path[1], text)


def _integer(reading: Reading, message: Any, key: Key, pair: Pair, place: Place) -> None:
    number = scalars.integer(reading, pair.value, key.name, *keys.RANGES[key.type])
    if number is not None:
        setattr(message, key.path[1], number)


Reader: TypeAlias = Callable[[Reading, Any, Key, Pair, Place], None]
"""Reads the value of a key into the message that has its field."""

READERS: Final[dict[str, Reader]] = {
    "boolean": _boolean,
    "duration": _grace,
    "environment": _env,
    "folder": _cwd,
    "integer": _integer,
    "limits": _limits,
    "nice": _integer,
    "parsers": _parsers,
    "retries": _retries,
    "scratch": _scratch,
    "setup": _setup,
    "stderr": _stderr,
    "tags": _tags,
    "text": _text,
    "time_limit": _time_limit,
    "ulimit": _ulimit,
}
"""Readers of settings and of plain values, by the type of the value."""
