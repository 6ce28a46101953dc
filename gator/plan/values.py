"""The values of nodes: their own keys over those of the levels above, with `${{ }}` filled in.

Keys with a type, such as durations and numbers, can have `${{ matrix.NAME }}`. The instances of a node then
have different values, and `Values.variant` returns a node with those of one instance.

Invariant: a value that was put in is never searched for names again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from itertools import product
from typing import Final, TypeAlias

from msgspec import Struct, field

from gator.errors import Problem
from gator.plan import inherit, interpolate
from gator.plan.nodes import PlanNode
from gator.spec import read_deferred
from gator.spec.keys import DEFERRED, NODE_KEYS, Inheritance
from gator.spec.literal import unmarked
from gator.v1 import spec_pb2

Written: TypeAlias = spec_pb2.Job | spec_pb2.JobGroup | spec_pb2.JobArray
Matrix: TypeAlias = Mapping[str, str]
"""Values of matrices by name, such as `matrix.test`."""
MAX_VARIANTS: Final = 10_000
"""Maximum number of different combinations that the values of one node depend on."""


class Own(Struct, frozen=True):
    """The keys of a node with deferred ones read, as far as the values of a matrix are known."""

    written: Written
    problems: Sequence[Problem] = ()
    used: frozenset[str] = frozenset()
    """Names of matrices that the node's own keys use, as `matrix.NAME`."""
    passed_on: frozenset[str] = frozenset()
    """Those in keys that nodes below inherit."""


class Values(Struct):
    """Makes the values of the nodes of a tree."""

    scope: interpolate.Scope
    above: spec_pb2.Settings
    """Settings that the root inherits."""
    written: list[Written] = field(default_factory=list[Written])
    """The nodes as written, by their order."""
    _made: dict[tuple[PlanNode, tuple[str, ...]], PlanNode] = field(
        default_factory=dict[tuple[PlanNode, tuple[str, ...]], PlanNode]
    )

    def own(self, written: Written, above: spec_pb2.Settings, matrix: Matrix) -> Own:
        """Returns the keys of a node; deferred ones with a name that is not in `matrix` are left out."""
        if not written.deferred:
            return Own(written)
        own = _without_children(written)
        fill = Fill(self.scope.lookup(inherit.merge(above, written.settings, self.scope)), matrix)
        names = {each.name: fill.matrix_names(each) for each in written.deferred}
        known = [each for each in written.deferred if names[each.name] <= matrix.keys()]
        return Own(
            own,
            read_deferred(own, known, fill.text),
            _united(names.values()),
            _united(matrices for name, matrices in names.items() if _is_passed_on(name)),
        )

    def problems(self, node: PlanNode, inner: PlanNode) -> Sequence[Problem]:
        """Returns the problems with deferred keys of a node in all combinations that they depend on.

        These are the combinations of the matrices around `inner`, which is the node or a child.
        """
        written = self.written[node.order]
        above = self.above if node.parent is None else node.parent.settings
        used = sorted(self.own(written, above, {}).used)
        problems = set[Problem]()
        for number, values in enumerate(combinations(inner, used)):
            if number == MAX_VARIANTS:
                what = f"its keys depend on more than {MAX_VARIANTS:,} combinations of {', '.join(used)}"
                place = node.position
                problems.add(Problem(place.file, place.line, place.column, f"{what}: use fewer values"))
                break
            problems.update(self.own(written, above, values).problems)
        return sorted(problems)

    def variant_at(self, node: PlanNode, path: str) -> PlanNode:
        """Returns a node with the values of one instance."""
        values = dict(values_at(node, path, node.varies))
        key = (node, tuple(values.get(name, "") for name in node.varies))
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._with(node, values)
        return made

    def variants_of(self, node: PlanNode) -> Iterator[PlanNode]:
        """Yields a node for each combination that its values depend on."""
        return (self._with(node, values) for values in combinations(node, node.varies))

    def _with(self, node: PlanNode, matrix: Matrix) -> PlanNode:
        made = copy(node)
        made.varies = ()
        way = [node]
        while way[-1].parent is not None:
            way.append(way[-1].parent)
        settings, weight = self.above, 0
        for level in reversed(way):
            own = self.own(self.written[level.order], settings, matrix).written
            settings = inherit.merge(settings, own.settings, self.scope)
            if level is node:
                made.settings = settings
                set_values(made, own, weight, self.scope.today)
            weight += own.priority
        return made


def set_values(node: PlanNode, own: Written, weight_above: int, today: str) -> None:
    """Sets the attributes of a node that follow from its own keys and its settings."""
    node.weight = own.priority + weight_above
    node.quarantine = own.quarantine if is_quarantined(own, today) else None
    node.allow_failure = own.allow_failure or node.quarantine is not None
    node.deadline_millis = own.deadline_millis
    node.tags = tuple(node.settings.tags)
    node.contracts = own.expect.contracts if own.HasField("expect") else ()
    if isinstance(own, spec_pb2.Job):
        node.demand = inherit.demand(own.resources)
        node.enforce_memory = own.resources.enforce_memory
        node.job = _job(own, node.settings)
    else:
        node.max_fail = own.max_fail
        node.max_fail_per_cause = own.max_fail_per_cause
        node.hooks = own.hooks if own.HasField("hooks") else None


def is_quarantined(own: Written, today: str) -> bool:
    """Returns whether a node is in quarantine on a day; not without a day."""
    if not today or not own.HasField("quarantine"):
        return False
    # Dates in this form sort as texts.
    return not own.quarantine.until or today <= own.quarantine.until


def _job(own: spec_pb2.Job, settings: spec_pb2.Settings) -> spec_pb2.Job:
    """Returns a job with merged settings, without what no attempt needs."""
    job = spec_pb2.Job()
    job.CopyFrom(own)
    job.ClearField("deferred")
    job.settings.CopyFrom(settings)
    for param in job.settings.params:
        # Every attempt is sent its job.
        param.ClearField("choices")
        param.ClearField("help")
        param.ClearField("position")
    return job


def _without_children(written: Written) -> Written:
    """Returns a copy of a node without the nodes below."""
    copied = type(written)()
    for descriptor, value in written.ListFields():
        if descriptor.name == "jobs":
            continue
        if descriptor.message_type is None and not descriptor.is_repeated:
            setattr(copied, descriptor.name, value)
        elif descriptor.is_repeated:
            getattr(copied, descriptor.name).MergeFrom(value)
        else:
            getattr(copied, descriptor.name).CopyFrom(value)
    return copied


def _united(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset(name for names in sets for name in names)


def _is_passed_on(name: str) -> bool:
    return NODE_KEYS[name].inherits is not Inheritance.NONE or name == "priority"


def _texts(value: spec_pb2.DeferredValue, parts: Sequence[str], name: str = "") -> Iterator[str]:
    """Yields the strings of a value that are read by the plan."""
    kind = value.WhichOneof("value")
    if kind == "items":
        for item in value.items.values:
            yield from _texts(item, parts, name)
    elif kind == "pairs":
        for key, inner in zip(value.pairs.values[::2], value.pairs.values[1::2], strict=True):
            yield from _texts(inner, parts, key.text or key.plain)
    elif not name or not parts or name in parts:
        yield value.text or value.plain


class Fill:
    """Fills in the placeholders of strings."""

    def __init__(self, lookup: interpolate.Lookup, matrix: Matrix) -> None:
        self._lookup = lookup
        self._matrix = matrix

    def text(self, text: str, is_pattern: bool = False) -> str:
        """Returns a string with all values; in a pattern they are literals. Raises ValueError."""

        def find(name: str) -> str:
            value = self._value(name)
            return interpolate.escape(re.escape(value) if is_pattern else value)

        return unmarked(interpolate.partly(text, find))

    def _value(self, name: str) -> str:
        template = self._one(name)
        filled = interpolate.partly(template, self._one)
        if left := interpolate.names(filled):
            raise ValueError(f"${{{{ {left[0]} }}}} is not known before a job starts")
        return unmarked(filled)

    def _one(self, name: str) -> str:
        if name in self._matrix:
            return interpolate.escape(self._matrix[name])
        template = self._lookup(name)
        if template is None:
            raise ValueError(f"${{{{ {name} }}}} is not known before a job starts")
        return template

    def matrix_names(self, deferred: spec_pb2.DeferredKey) -> frozenset[str]:
        """Returns the names of matrices that the value of a key depends on, also by way of parameters."""
        parts = DEFERRED[NODE_KEYS[deferred.name].type]
        names = [name for text in _texts(deferred.value, parts) for name in interpolate.names(text)]
        templates = [self._lookup(name) for name in names if not name.startswith("matrix.")]
        names += [name for text in templates if text is not None for name in interpolate.names(text)]
        return frozenset(name for name in names if name.startswith("matrix."))


def values_at(node: PlanNode, path: str, wanted: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields the values of the matrices around an instance, the nearest of each name."""
    left = set(wanted)
    above: PlanNode | None = node
    while above is not None and left:
        if above.matrix is not None:
            here = [name for name in above.matrix.names if f"matrix.{name}" in left]
            repeats = above.parse_label(path.rpartition("[")[2][:-1]) if here else None
            values = above.matrix.values(repeats.start) if repeats is not None else {}
            for name in here:
                left.discard(f"matrix.{name}")
                if name in values:
                    yield f"matrix.{name}", values[name]
        path, above = path.rpartition("/")[0], above.parent


def combinations(node: PlanNode, names: Sequence[str]) -> Iterator[Matrix]:
    """Yields each combination of values of these names that an instance can have."""
    left = set(names)
    levels: list[list[tuple[tuple[str, str], ...]]] = []
    above: PlanNode | None = node
    while above is not None and left:
        matrix = above.matrix
        here = [name for name in matrix.names if f"matrix.{name}" in left] if matrix is not None else []
        if matrix is not None and here:
            left -= {f"matrix.{name}" for name in here}
            at = [matrix.names.index(name) for name in here]
            rows = dict.fromkeys(tuple(values[index] for index in at) for values in matrix.combinations())
            keys = [f"matrix.{name}" for name in here]
            levels.append([tuple(zip(keys, row, strict=True)) for row in rows])
        above = above.parent
    return (dict(pair for level in chosen for pair in level) for chosen in product(*levels))


def names_around(node: PlanNode) -> frozenset[str]:
    """Returns the names of all matrices that instances of a node are in, as `matrix.NAME`."""
    names = set[str]()
    above: PlanNode | None = node
    while above is not None:
        if above.matrix is not None:
            names.update(f"matrix.{name}" for name in above.matrix.names)
        above = above.parent
    return frozenset(names)
