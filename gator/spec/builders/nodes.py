"""Builds a `Spec` from each `!Job`, `!JobGroup` and `!JobArray`, with all checks that concern one node.

References to other nodes are resolved by the plan.
"""

from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.spec import keys
from gator.spec.builders import node_keys, settings
from gator.spec.builders.context import Pair, SpecContext, is_null, position, shown_tag
from gator.spec.builders.deferral import is_deferred, keep, without_deferred
from gator.spec.builders.include import TAG as INCLUDE
from gator.spec.builders.node_keys import NodeMessage, Parent
from gator.spec.builders.scope import KeyContext, NodeScope
from gator.spec.builders.wrong_keys import wrong_key
from gator.spec.keys import Inheritance
from gator.spec.suggestions import nearest
from gator.v1 import spec_pb2

MAX_DEPTH = 40
"""Maximum depth of nodes: protocol buffers parse 100 nested messages, and each level takes two."""


def build(context: SpecContext, node: Node, spec: spec_pb2.Spec, scope: NodeScope) -> NodeMessage | None:
    """Reads a node into `spec`; returns None if its tag is not that of a node."""
    if node.tag not in keys.KINDS or not isinstance(node, MappingNode):
        _report_not_a_node(context, node, scope)
        return None
    if scope.depth >= MAX_DEPTH:
        context.problem(node, f"groups are nested more than {MAX_DEPTH} deep: put their jobs further up")
        return None
    pairs = context.pairs(node)
    built: NodeMessage
    scope = scope._replace(matrix_above=scope.matrix)
    match node.tag:
        case keys.JOB:
            built = spec.job
        case keys.GROUP:
            built = spec.group
        case _:
            built = spec.array
            built.repeats = 1
            own = _matrix_names(context, pairs)
            scope = scope._replace(in_array=True, matrix=scope.matrix | own, own_matrix=own)
    built.ident = scope.default_ident
    built.position.CopyFrom(position(node))
    known = keys.KEYS_OF[node.tag]
    scope = _with_params(context, pairs, scope)
    for name, pair in pairs.items():
        key = known.get(name)
        if key is None or (key.root_only and not scope.is_root):
            context.problem(pair.key, wrong_key(name, node.tag, is_root=scope.is_root))
        elif not is_null(pair.value) and pair.value.tag != INCLUDE:
            # An include that failed reports its own problem.
            one = KeyContext(context, key, pair, scope, is_group=node.tag != keys.JOB)
            if is_deferred(one):
                _defer(built, one)
            else:
                _read_key(built, one)
    if isinstance(built, spec_pb2.JobArray) and ("matrix" in pairs or "exclude" in pairs):
        _check_matrix(context, built, pairs)
    if isinstance(built, spec_pb2.Job):
        _check_command(context, node, pairs, calls=_calls_python(pairs))
    elif not built.jobs and not _jobs_has_wrong_type(pairs):
        context.warn(node, f"'{built.ident}' has no jobs: it passes immediately")
    return built


def _with_params(context: SpecContext, pairs: dict[str, Pair], scope: NodeScope) -> NodeScope:
    """Returns the scope of the keys of a node, with its parameters."""
    pair = pairs.get("params")
    if pair is not None and pair.value.tag == INCLUDE:
        context.unknown_kinds.add("params")
        pair = None
    if pair is None or not isinstance(pair.value, MappingNode):
        return scope._replace(params_above=scope.params) if scope.params else scope
    names = (key.value for key, _ in pair.value.value if isinstance(key, ScalarNode))
    own = scope.params.union(f"params.{name}" for name in names)
    return scope._replace(params=own, params_above=scope.params)


def read_inherited(context: SpecContext, node: MappingNode, above: spec_pb2.JobGroup) -> dict[str, Pair]:
    """Reads keys that a root inherits into a group above it; returns the pairs that are not node keys."""
    known = keys.KEYS_OF[keys.GROUP]
    others: dict[str, Pair] = {}
    pairs = context.pairs(node)
    scope = _with_params(context, pairs, NodeScope(0, False, ""))
    for name, pair in pairs.items():
        key = known.get(name)
        if key is not None and (key.root_only or key.inherits is not Inheritance.NONE):
            _read_key(above, KeyContext(context, key, pair, scope))
        elif name in keys.NODE_KEYS:
            context.problem(pair.key, f"'{name}' is a key of one node: write it in the spec")
        else:
            others[name] = pair
    return others


def _report_not_a_node(context: SpecContext, node: Node, scope: NodeScope) -> None:
    what = "the root" if scope.is_root else "a child"
    if node.tag == INCLUDE:
        return  # The include reports its own problem.
    if node.tag in keys.KINDS:
        message = f"{node.tag} must be followed by its keys, such as ident: indent them below it"
    elif node.tag.startswith("!"):
        near = nearest(shown_tag(node), keys.KINDS)
        hint = f"did you mean {near}?" if near else f"{what} must be a !Job, a !JobGroup or a !JobArray"
        message = f"unknown tag {shown_tag(node)}: {hint}"
    else:
        message = f"{what} must start with !Job, !JobGroup or !JobArray{_guess(node)}"
    context.problem(node, message)


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


def _read_key(built: NodeMessage, key: KeyContext) -> None:
    part, _ = key.entry.path
    READERS[key.entry.type](getattr(built, part) if part else built, key)


def _check_matrix(context: SpecContext, array: spec_pb2.JobArray, pairs: dict[str, Pair]) -> None:
    if any(pairs[name].value.tag == INCLUDE for name in ("matrix", "exclude") if name in pairs):
        array.ClearField("matrix")  # The include reports its own problem.
        return
    from gator.spec.builders.jobs.matrix import check_matrix

    check_matrix(context, array, pairs)


def _matrix_names(context: SpecContext, pairs: dict[str, Pair]) -> frozenset[str]:
    if "matrix" not in pairs:
        return frozenset()
    if pairs["matrix"].value.tag == INCLUDE:
        context.unknown_kinds.add("matrix")
        return frozenset()
    # Few arrays have a matrix.
    from gator.spec.builders.jobs.matrix import names_of

    return names_of(pairs)


def _defer(built: NodeMessage, key: KeyContext) -> None:
    """Defers a key to the plan, which has the values of its placeholders."""
    if key.entry.inherits is Inheritance.NONE:
        # An array itself is in no combination of its own matrix; its children are.
        key = key._replace(scope=key.scope.of_node())
    keep(built.deferred.add(), key)
    # What has no placeholders is checked at once, so that all problems are reported together.
    rest = without_deferred(key)
    key.context.is_deferring = rest is None
    _read_key(type(built)(), rest or key)
    key.context.is_deferring = False


def _jobs(parent: Parent, key: KeyContext) -> None:
    if not isinstance(key.value, SequenceNode):
        if key.value.tag in keys.KINDS:
            key.context.problem(key.value, "'jobs' must be a list: put '- ' before each child")
        elif key.context.standard(key.value):
            key.context.problem(key.value, "'jobs' must be a list of children: put '- ' before each")
        return
    if not key.context.standard(key.value):
        return
    key.context.count_values(len(key.value.value))
    seen: dict[str, Node] = {}
    for index, node in enumerate(key.value.value):
        spec = parent.jobs.add()
        above = key.scope
        child = NodeScope(
            above.depth + 1,
            above.in_array,
            f"T{index}",
            above.params,
            matrix=above.matrix,
        )
        built = build(key.context, node, spec, child)
        if built is None:
            continue
        first = seen.setdefault(built.ident, node)
        if first is not node:
            line = first.start_mark.line + 1
            key.context.problem(
                node, f"the ident '{built.ident}' is taken by a sibling, on line {line}: rename one of them"
            )


def _jobs_has_wrong_type(pairs: dict[str, Pair]) -> bool:
    """Returns whether `jobs` has a value of a wrong type, for which a problem was reported."""
    pair = pairs.get("jobs")
    return pair is not None and not is_null(pair.value) and not isinstance(pair.value, SequenceNode)


def _calls_python(pairs: dict[str, Pair]) -> bool:
    """Returns whether a job calls a function, also if its runner has a problem."""
    runner = pairs["runner"].value if "runner" in pairs else None
    return isinstance(runner, MappingNode) and any(key.value == "python" for key, _ in runner.value)


def _check_command(context: SpecContext, node: Node, pairs: dict[str, Pair], *, calls: bool) -> None:
    """Reports a job that has no command, or more than one; with `calls` it has a function instead."""
    given = {
        name for name in ("command", "shell", "args") if name in pairs and not is_null(pairs[name].value)
    }
    if calls:
        for name in sorted(given):
            context.problem(pairs[name].key, f"the runner python calls a function: remove '{name}'")
    elif not given & {"command", "shell"}:
        if any(name not in keys.NODE_KEYS and nearest(name, ("command", "shell")) for name in pairs):
            return  # The misspelled key has a problem already.
        context.problem(node, "a !Job requires 'command', or a script in 'shell'")
    elif {"command", "shell"} <= given:
        context.problem(pairs["shell"].key, "a !Job has 'command' or 'shell', not both: remove one")
    elif {"shell", "args"} <= given:
        context.problem(pairs["args"].key, "'args' belong to a command: write them into the script")


READERS: Final[dict[str, settings.Reader]] = node_keys.READERS | {"nodes": _jobs}
"""Readers of all types of values."""
