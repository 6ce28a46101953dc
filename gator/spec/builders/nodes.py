"""Builds a `Spec` from each `!Job`, `!JobGroup` and `!JobArray`, with all checks that concern one node.

References to other nodes are resolved by the plan.
"""

from typing import Final, TypeAlias

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.spec import keys
from gator.spec.builders import resources, scalars, settings
from gator.spec.builders.include import TAG as INCLUDE
from gator.spec.builders.place import Place, check_names
from gator.spec.builders.reading import Pair, Reading, is_null, position, shown_tag
from gator.spec.builders.wrong_keys import wrong_key
from gator.spec.expand import check_expansion
from gator.spec.idents import ident_problem, nfc
from gator.spec.interpolation import EVERY_NAME
from gator.spec.keys import Key
from gator.spec.suggestions import nearest
from gator.v1 import spec_pb2

NodeMessage: TypeAlias = spec_pb2.Job | spec_pb2.JobGroup | spec_pb2.JobArray
Parent: TypeAlias = spec_pb2.JobGroup | spec_pb2.JobArray

MAX_DEPTH = 40
"""Maximum depth of nodes: protocol buffers parse 100 nested messages, and each level takes two."""


def build(reading: Reading, node: Node, spec: spec_pb2.Spec, place: Place) -> NodeMessage | None:
    """Reads a node into `spec`; returns None if its tag is not that of a node."""
    if node.tag not in keys.KINDS or not isinstance(node, MappingNode):
        _report_not_a_node(reading, node, place)
        return None
    if place.depth >= MAX_DEPTH:
        reading.problem(node, f"groups are nested more than {MAX_DEPTH} deep: put their jobs further up")
        return None
    pairs = reading.pairs(node)
    written: NodeMessage
    match node.tag:
        case keys.JOB:
            written = spec.job
        case keys.GROUP:
            written = spec.group
        case _:
            written = spec.array
            written.repeats = 1
            place = place._replace(in_array=True)
    written.ident = place.default_ident
    written.position.CopyFrom(position(node))
    known = keys.KEYS_OF[node.tag]
    for name, pair in pairs.items():
        key = known.get(name)
        if key is None or (key.root_only and not place.is_root):
            reading.problem(pair.key, wrong_key(name, node.tag, is_root=place.is_root))
        elif not is_null(pair.value):
            _read_key(reading, written, key, pair, place)
    if isinstance(written, spec_pb2.Job):
        _check_command(reading, node, pairs)
    elif not written.jobs and not _jobs_has_wrong_type(pairs):
        reading.warn(node, f"'{written.ident}' has no jobs: it passes immediately")
    return written


def _report_not_a_node(reading: Reading, node: Node, place: Place) -> None:
    what = "the root" if place.is_root else "a child"
    if node.tag == INCLUDE:
        return  # The include reports its own problem.
    if node.tag in keys.KINDS:
        message = f"{node.tag} must be followed by its keys, such as ident: indent them below it"
    elif node.tag.startswith("!"):
        near = nearest(shown_tag(node), keys.KINDS)
        hint = f"did you mean {near}?" if near else f"{what} is a !Job, a !JobGroup or a !JobArray"
        message = f"the tag {shown_tag(node)} is not known; {hint}"
    else:
        message = f"{what} must start with !Job, !JobGroup or !JobArray{_guess(node)}"
    reading.problem(node, message)


def _guess(node: Node) -> str:
    """Returns a hint at the tag that is probably missing, by the keys."""
    if not isinstance(node, MappingNode):
        return ""
    names = {key.value for key, _ in node.value if isinstance(key, ScalarNode)}
    if names & {"command", "shell", "args"}:
        return ": put !Job before these keys"
    if "repeats" in names:
        return ": put !JobArray before these keys"
    return ": put !JobGroup before these keys" if "jobs" in names else ""


def _read_key(reading: Reading, written: NodeMessage, key: Key, pair: Pair, place: Place) -> None:
    message, _ = key.path
    READERS[key.type](reading, getattr(written, message) if message else written, key, pair, place)


def _ident(reading: Reading, written: NodeMessage, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    ident = scalars.text(reading, value, "ident")
    if ident is None:
        return
    ident = nfc(ident)
    problem = ident_problem(ident)
    if problem is None:
        written.ident = ident
    else:
        reading.problem(value, problem)


def _references(reading: Reading, order: spec_pb2.Order, key: Key, pair: Pair, place: Place) -> None:
    name, value = key.name, pair.value
    found = settings.text_or_texts(reading, value, name)
    if place.is_root and found:
        reading.warn(pair.key, f"{name} on the root has no effect: there is nothing beside it")
        return
    for node, reference in found:
        if not reference.strip():
            reading.problem(node, f"an item of {name} cannot be empty")
        elif scalars.no_names(reading, node, reference, name):
            getattr(order, name).add(name=nfc(reference), position=position(node))


def _seed(reading: Reading, written: NodeMessage, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    if isinstance(value, ScalarNode) and value.value == "random":
        if place.is_root:
            written.seed = "random"
        else:
            reading.problem(value, "only the seed of the root can be random: write a number")
        return
    number = scalars.integer(reading, value, "seed", 1, alternative=" or random" if place.is_root else "")
    if number is not None:
        written.seed = str(number)


def _command(reading: Reading, job: spec_pb2.Job, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    command = scalars.filled_text(reading, value, "command")
    if command is not None and scalars.startable(reading, value, command, "command"):
        _check_expanded(reading, value, command, place)
        job.command = command


def _args(reading: Reading, job: spec_pb2.Job, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    for node, arg in settings.texts(reading, value, "args"):
        if scalars.startable(reading, node, arg, "an argument"):
            _check_expanded(reading, node, arg, place)
            job.args.append(arg)


def _check_expanded(reading: Reading, node: Node, text: str, place: Place) -> None:
    if "${" not in text:
        return
    check_names(reading, node, text, EVERY_NAME, place)
    for offset, message in check_expansion(text):
        reading.problem_within(node, text[offset : offset + 20].partition("\n")[0], message)


def _shell(reading: Reading, job: spec_pb2.Job, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    script = scalars.filled_text(reading, value, "shell")
    if script is not None:
        check_names(reading, value, script, EVERY_NAME, place)
        job.shell = script


def _resources(reading: Reading, job: spec_pb2.Job, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    resources.read(reading, job, value)


def _repeats(reading: Reading, array: spec_pb2.JobArray, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    count = scalars.integer(reading, value, "repeats")
    if count == 0:
        reading.warn(value, f"'{array.ident}' has 0 repeats: it passes immediately")
    array.repeats = count if count is not None else 1


def _max_fail(reading: Reading, parent: Parent, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    if scalars.is_none_word(value):
        parent.max_fail = 0
        return
    count = scalars.integer(reading, value, "max_fail", 1, alternative=" or none")
    if count is not None:
        parent.max_fail = count


def _licenses(reading: Reading, parent: Parent, key: Key, pair: Pair, place: Place) -> None:
    for name, entry in settings.mapping(reading, pair.value, "licenses").items():
        if not name.strip():
            reading.problem(entry.key, "a license needs a name: write NAME: COUNT")
            continue
        count = scalars.integer(reading, entry.value, f"licenses.{name}")
        if count is not None:
            parent.licenses[name] = count


def _secrets(reading: Reading, parent: Parent, key: Key, pair: Pair, place: Place) -> None:
    for node, name in settings.text_or_texts(reading, pair.value, "secrets"):
        if not name or "=" in name or not name.isprintable():
            reading.problem(node, f"{name!r} is not a variable name: write the name only, without =")
        elif scalars.no_names(reading, node, name, "secrets") and name not in parent.secrets:
            parent.secrets.append(name)


def _jobs(reading: Reading, parent: Parent, key: Key, pair: Pair, place: Place) -> None:
    value = pair.value
    if not isinstance(value, SequenceNode):
        if value.tag in keys.KINDS:
            reading.problem(value, "jobs must be a list: put '- ' before each child")
        elif reading.standard(value):
            reading.problem(value, "jobs must be a list of children: put '- ' before each")
        return
    if not reading.standard(value):
        return
    reading.count_values(len(value.value))
    seen: dict[str, Node] = {}
    for index, node in enumerate(value.value):
        spec = parent.jobs.add()
        child = Place(place.depth + 1, place.in_array, f"T{index}")
        written = build(reading, node, spec, child)
        if written is None:
            continue
        first = seen.setdefault(written.ident, node)
        if first is not node:
            line = first.start_mark.line + 1
            reading.problem(
                node, f"the ident '{written.ident}' is taken by a sibling, on line {line}: rename one of them"
            )


def _jobs_has_wrong_type(pairs: dict[str, Pair]) -> bool:
    """Returns whether `jobs` has a value of a wrong type, for which a problem was reported."""
    pair = pairs.get("jobs")
    return pair is not None and not is_null(pair.value) and not isinstance(pair.value, SequenceNode)


def _check_command(reading: Reading, node: Node, pairs: dict[str, Pair]) -> None:
    given = {
        name for name in ("command", "shell", "args") if name in pairs and not is_null(pairs[name].value)
    }
    if not given & {"command", "shell"}:
        if any(name not in keys.NODE_KEYS and nearest(name, ("command", "shell")) for name in pairs):
            return  # The misspelled key has a problem already.
        reading.problem(node, "a !Job needs a command, or a script in shell")
    elif {"command", "shell"} <= given:
        reading.problem(pairs["shell"].key, "a !Job has a command or a script in shell, not both: remove one")
    elif {"shell", "args"} <= given:
        reading.problem(pairs["args"].key, "args belong to a command: write them into the script")


READERS: Final[dict[str, settings.Reader]] = settings.READERS | {
    "arguments": _args,
    "ident": _ident,
    "max_fail": _max_fail,
    "names": _secrets,
    "nodes": _jobs,
    "pools": _licenses,
    "program": _command,
    "references": _references,
    "repeats": _repeats,
    "resources": _resources,
    "script": _shell,
    "seed": _seed,
}
"""Readers of all types of values."""
