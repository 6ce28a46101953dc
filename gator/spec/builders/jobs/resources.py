"""Reads `!Cores`, `!Memory` and `!License`, each as a scalar, a list or a mapping."""

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.spec import keys
from gator.spec.builders import scalars
from gator.spec.builders.context import SpecContext, is_null, shown_tag
from gator.spec.builders.include import TAG as INCLUDE
from gator.spec.builders.values import known
from gator.spec.suggestions import did_you_mean
from gator.spec.yaml.nodes import STR
from gator.units import SIZE_UNIT_NAMES, SIZE_UNITS
from gator.v1 import spec_pb2

_FORMS = {"!Cores": "cores", "!Memory": "memory", "!License": "license"}


def read(context: SpecContext, job: spec_pb2.Job, value: Node) -> None:
    """Reads the value of `resources` into a job."""
    items: list[Node] = [value]
    if isinstance(value, SequenceNode) and value.tag not in _FORMS:
        if not context.standard(value):
            return
        items = value.value
    context.count_values(len(items))
    seen: set[str] = set()
    for item in items:
        form = _FORMS.get(item.tag)
        if form is None:
            _unknown(context, item)
            continue
        if form in seen and form != "license":
            context.problem(item, f"{item.tag} is given twice: keep one")
            continue
        seen.add(form)
        parts = _parts(context, item, form)
        if parts is not None:
            _READERS[form](context, job.resources, item, parts)


def _unknown(context: SpecContext, item: Node) -> None:
    if item.tag == INCLUDE:
        return
    if item.tag == "!Slurm":
        context.problem(item, "!Slurm is reserved for a later version")
    elif item.tag.startswith("!"):
        context.problem(item, f"{shown_tag(item)} is not a resource{did_you_mean(item.tag, _FORMS)}")
    else:
        context.problem(item, "a resource must start with !Cores, !Memory or !License")


def _parts(context: SpecContext, item: Node, form: str) -> dict[str, Node] | None:
    """Returns the values of a resource by key, for each of the three forms; None after a problem."""
    names = [key.name for key in keys.SUB_KEYS[form]]
    if isinstance(item, MappingNode):
        pairs = known(context, context.pairs(item), item.tag, form)
        return {name: pair.value for name, pair in pairs.items()}
    if isinstance(item, ScalarNode):
        bare = ScalarNode(STR, item.value, item.start_mark, item.end_mark, item.style)
        return {} if is_null(bare) else {names[0]: bare}
    listed = names[:2]
    if len(item.value) > len(listed):
        context.problem(item, f"{item.tag} takes a list of {' and '.join(listed)} and no more values")
        return None
    return {name: node for name, node in zip(listed, item.value, strict=False) if not is_null(node)}


def _cores(context: SpecContext, resources: spec_pb2.Resources, item: Node, parts: dict[str, Node]) -> None:
    if "count" not in parts:
        context.problem(item, "!Cores needs a number: !Cores 2")
        return
    count = scalars.integer(context, parts["count"], "count", 0, 1_000_000)
    if count is not None:
        resources.cores = count


def _memory(context: SpecContext, resources: spec_pb2.Resources, item: Node, parts: dict[str, Node]) -> None:
    if "size" not in parts:
        context.problem(item, "!Memory needs a size: !Memory 2GB")
        return
    unit = "MB"
    if "unit" in parts:
        written = scalars.text(context, parts["unit"], "unit")
        if written is None:
            return
        if written.upper() not in SIZE_UNITS:
            hint = did_you_mean(written, SIZE_UNIT_NAMES) or f": use one of {', '.join(SIZE_UNIT_NAMES)}"
            context.problem(parts["unit"], f"unknown unit '{written}'{hint}")
            return
        unit = written
    size = scalars.size(context, parts["size"], "size", unit)
    if size is not None:
        resources.memory_bytes = size
    if "enforce" in parts:
        resources.enforce_memory = bool(scalars.boolean(context, parts["enforce"], "enforce"))
        if resources.enforce_memory and size == 0:
            context.problem(parts["enforce"], "a size of 0 cannot be enforced")


def _license(context: SpecContext, resources: spec_pb2.Resources, item: Node, parts: dict[str, Node]) -> None:
    if "name" not in parts:
        context.problem(item, "!License needs a name: !License ToolA")
        return
    name = scalars.filled_text(context, parts["name"], "name")
    count = scalars.integer(context, parts["count"], "count") if "count" in parts else 1
    if name is None or count is None:
        return
    if name in resources.licenses:
        context.problem(item, f"!License {name} is given twice: keep one")
        return
    resources.licenses[name] = count


_READERS = {"cores": _cores, "memory": _memory, "license": _license}
