"""Resolves the names in `on_pass`, `on_fail` and `on_done`, and reports each one that fails."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeAlias

from msgspec import Struct, field

from gator.errors import Problem
from gator.plan.nodes import Condition, Index, PlanNode
from gator.plan.tree import Tree, problem_at, upwards
from gator.spec.suggestions import did_you_mean
from gator.v1 import spec_pb2

_SEGMENT = re.compile(r"([^\[\]]+)(?:\[(\d+|[^\[\]]*=[^\[\]]*)\])?")
_MAX_HINTS = 10
"""Maximum number of similar names that are searched, because each search reads all names."""
_MAX_CANDIDATES = 5
GivenRepeats: TypeAlias = dict[int, int | range]
"""The repeats that a name gives, by the order of the repeating node."""


class Link(Struct, frozen=True, eq=False):
    """A dependency as written, before anything is selected."""

    waiting: PlanNode
    awaited: PlanNode
    index: Index | None
    condition: Condition
    common: PlanNode
    reference: spec_pb2.Reference


class Consumed(Struct, frozen=True, eq=False):
    """An artefact of another job that a job uses."""

    link: Link
    consumption: spec_pb2.Consumption
    product: spec_pb2.Product


class _Name(Struct, frozen=True):
    """A parsed reference; `idents` and `indices` have one entry per segment."""

    text: str
    idents: tuple[str, ...]
    indices: tuple[str | None, ...]
    absolute: bool


class _WrongNameError(Exception):
    """A name refers to no node that can be waited for; the message says why."""


class _UnknownNameError(_WrongNameError):
    """No node has the name."""


class Resolver(Struct):
    """Turns the references of a tree into links."""

    tree: Tree
    problems: list[Problem] = field(default_factory=list[Problem])
    unknown: list[Problem] = field(default_factory=list[Problem])
    """The problems with names that no node has; without absolute ones, which begin with the root's ident."""
    warnings: list[Problem] = field(default_factory=list[Problem])
    consumed: list[Consumed] = field(default_factory=list[Consumed])
    """The artefacts that jobs use, in their order; complete after `links`."""
    hints: int = 0

    def links(self) -> list[Link]:
        """Returns every dependency of the tree once, by the waiting node."""
        links: list[Link] = []
        for node, written in zip(self.tree.nodes, self.tree.written, strict=True):
            if node.parent is None:
                continue
            own = self._of_node(node, written.order) if written.HasField("order") else []
            if isinstance(written, spec_pb2.Job) and written.HasField("artefacts"):
                own += self._of_artefacts(node, written.artefacts.consumes, own)
            links += own
        return links

    def _of_node(self, node: PlanNode, conditions: spec_pb2.Order) -> list[Link]:
        links: dict[tuple[int, Index | None, Condition], Link] = {}
        for condition, reference in _references(conditions):
            try:
                link = self._link(node, condition, reference)
            except _WrongNameError as error:
                self._add_problem(reference, error)
                continue
            links.setdefault((link.awaited.order, link.index, condition), link)
        for (awaited, index, condition), link in links.items():
            if condition is Condition.ON_FAIL and (awaited, index, Condition.ON_PASS) in links:
                message = (
                    f"'{node.ident}' never runs: it waits for '{link.reference.name}' to pass and to fail"
                )
                self.warnings.append(problem_at(link.reference.position, message))
        return list(links.values())

    def _of_artefacts(
        self, node: PlanNode, consumptions: Sequence[spec_pb2.Consumption], own: Sequence[Link]
    ) -> list[Link]:
        """Returns the dependencies of a job by the artefacts that it uses, without its `own` others."""
        known = {(link.awaited.order, link.index, link.condition) for link in own}
        links: list[Link] = []
        for consumption in consumptions:
            condition = Condition.ON_DONE if consumption.when_done else Condition.ON_PASS
            try:
                link = self._link(node, condition, consumption.job)
                product = _product(link.awaited, consumption)
            except _WrongNameError as error:
                self._add_problem(consumption.job, error)
                continue
            self.consumed.append(Consumed(link, consumption, product))
            key = link.awaited.order, link.index, condition
            if key not in known:
                known.add(key)
                links.append(link)
        return links

    def _add_problem(self, reference: spec_pb2.Reference, error: _WrongNameError) -> None:
        problem = problem_at(reference.position, str(error))
        self.problems.append(problem)
        if isinstance(error, _UnknownNameError) and not reference.name.startswith("/"):
            self.unknown.append(problem)

    def _link(self, node: PlanNode, condition: Condition, reference: spec_pb2.Reference) -> Link:
        name = _parse(reference.name)
        awaited = self._find(node, name)
        given = _given_repeats(awaited, name)
        common = self._common(node, awaited, given)
        return Link(node, awaited, _index(awaited, common, given), condition, common, reference)

    def _find(self, node: PlanNode, name: _Name) -> PlanNode:
        candidates = self._from_root(name) if name.absolute else self._visible(node, name)
        if not candidates:
            self._reject_path_from_root(node, name)
            raise _UnknownNameError(self._unknown_name(node, name))
        if len(candidates) > 1:
            shown = ", ".join(f"/{hit.template}" for hit in candidates[:_MAX_CANDIDATES])
            more = ", …" if len(candidates) > _MAX_CANDIDATES else ""
            raise _WrongNameError(f"'{name.text}' is ambiguous: write one of {shown}{more}")
        self._reject_self_or_relative(node, candidates[0], name)
        return candidates[0]

    def _reject_self_or_relative(self, node: PlanNode, awaited: PlanNode, name: _Name) -> None:
        if awaited is node and name.indices[-1] is not None:
            _given_repeats(node, name)
            message = (
                f"'{name.text}' is a repeat of '{node.ident}' itself: a node cannot wait for its repeats"
            )
            raise _WrongNameError(message)
        if awaited is node:
            raise _WrongNameError(f"'{node.ident}' waits for itself")
        if self.tree.contains(awaited, node):
            raise _WrongNameError(
                f"'{node.ident}' waits for '{awaited.template}', which contains it and so ends after it"
            )
        if self.tree.contains(node, awaited):
            raise _WrongNameError(
                f"'{node.ident}' waits for '{awaited.template}', which it contains and so starts itself"
            )

    def _from_root(self, name: _Name) -> list[PlanNode]:
        root = self.tree.root
        hits = [self._descend(root, name.idents[1:])] if name.idents[0] == root.ident else []
        hits.append(self._descend(root, name.idents))
        return [hit for hit in hits if hit is not None][:1]

    def _visible(self, node: PlanNode, name: _Name) -> list[PlanNode]:
        """Returns the nodes with a name: among the siblings, then in their subtrees, then one level up."""
        inner = node
        for level in upwards(node.parent):
            sibling = self.tree.child.get((level.order, name.idents[0]))
            if sibling is not None and sibling is not inner:
                hit = self._descend(sibling, name.idents[1:])
                if hit is not None:
                    return [hit]
            hits = list(islice(self._nodes_ending_with(level, inner, name.idents), _MAX_CANDIDATES + 1))
            if hits:
                return hits
            inner = level
        return []

    def _descend(self, node: PlanNode | None, idents: Sequence[str]) -> PlanNode | None:
        for ident in idents:
            if node is None:
                return None
            node = self.tree.child.get((node.order, ident))
        return node

    def _nodes_ending_with(
        self, level: PlanNode, inner: PlanNode | None, idents: Sequence[str]
    ) -> Iterator[PlanNode]:
        """Yields nodes below `level` whose path ends with these idents, without the subtree of `inner`."""
        orders = self.tree.by_ident.get(idents[-1], ())
        index = bisect_left(orders, level.order + 1)
        end = self.tree.ends[level.order]
        while index < len(orders) and orders[index] < end:
            hit = self.tree.nodes[orders[index]]
            if inner is not None and self.tree.contains(inner, hit):
                index = bisect_left(orders, self.tree.ends[inner.order])
                continue
            above = upwards(hit)
            if all((step := next(above, None)) is not None and step.ident == i for i in reversed(idents)):
                yield hit
            index += 1

    def _reject_path_from_root(self, node: PlanNode, name: _Name) -> None:
        """Raises _WrongNameError if the name is that of the node itself, or of one above or below it."""
        for hit in self._nodes_ending_with(self.tree.root, None, name.idents):
            self._reject_self_or_relative(node, hit, name)
        if name.idents == (self.tree.root.ident,):
            self._reject_self_or_relative(node, self.tree.root, name)

    def _unknown_name(self, node: PlanNode, name: _Name) -> str:
        """Returns the error for a name that no node has, with a similar one for the first errors."""
        message = f"unknown node '{name.text}'"
        self.hints += 1
        if self.hints > _MAX_HINTS:
            return message
        if len(name.idents) == 1 and not name.absolute:
            return message + did_you_mean(name.text, self._namable(node))
        same = self.tree.by_ident.get(name.idents[-1])
        return f"{message}: did you mean '/{self.tree.nodes[same[0]].template}'?" if same else message

    def _namable(self, node: PlanNode) -> list[str]:
        visible = (n for n in self.tree.nodes if not self.tree.contains(n, node))
        return [n.ident for n in visible if not self.tree.contains(node, n)]

    def _common(self, node: PlanNode, awaited: PlanNode, given: GivenRepeats) -> PlanNode:
        """Returns the nearest common ancestor that is above every level whose repeat is given."""
        first_given = min(given, default=awaited.order)
        for above in upwards(node.parent):
            if self.tree.contains(above, awaited) and above.order < first_given:
                return above
        raise AssertionError("the root contains every node and never repeats")


def _references(conditions: spec_pb2.Order) -> Iterator[tuple[Condition, spec_pb2.Reference]]:
    for condition, references in (
        (Condition.ON_PASS, conditions.on_pass),
        (Condition.ON_FAIL, conditions.on_fail),
        (Condition.ON_DONE, conditions.on_done),
    ):
        for reference in references:
            yield condition, reference


def _product(awaited: PlanNode, consumption: spec_pb2.Consumption) -> spec_pb2.Product:
    """Returns the artefact of a job that has this name. Raises _WrongNameError."""
    if awaited.job is None:
        inner = f": name one of its jobs, such as {awaited.children[0].ident}" if awaited.children else ""
        raise _WrongNameError(f"'{awaited.ident}' is a group and produces nothing itself{inner}")
    products = awaited.job.artefacts.produces
    for product in products:
        if product.name == consumption.name:
            return product
    names = [product.name for product in products]
    hint = did_you_mean(consumption.name, names) or (f": it produces {', '.join(names)}" if names else "")
    raise _WrongNameError(f"'{awaited.ident}' produces no '{consumption.name}'{hint}")


def _parse(text: str) -> _Name:
    absolute = text.startswith("/")
    idents: list[str] = []
    indices: list[str | None] = []
    for segment in text[absolute:].split("/"):
        match = _SEGMENT.fullmatch(segment)
        if match is None:
            raise _WrongNameError(f"'{text}' is not a path: write it as 'name', 'group/name' or 'name[3]'")
        idents.append(match[1])
        indices.append(match[2])
    return _Name(text, tuple(idents), tuple(indices), absolute)


def _given_repeats(awaited: PlanNode, name: _Name) -> GivenRepeats:
    """Returns the repeats that a name gives, by the order of the repeating node."""
    given: GivenRepeats = {}
    for node, label in zip(upwards(awaited), reversed(name.indices), strict=False):
        if label is None:
            continue
        if node.repeats is None:
            hint = (
                f"its jobs do: '{node.children[0].ident}[{label}]'"
                if _is_array(node)
                else "it is in no array"
            )
            raise _WrongNameError(f"'{name.text}': '{node.ident}' does not repeat, {hint}")
        repeats = node.parse_label(label)
        if repeats is None:
            raise _WrongNameError(
                f"'{name.text}': '{node.ident}' has no repeat [{label}]: {_repeats_text(node)}"
            )
        given[node.order] = repeats.start if len(repeats) == 1 else repeats
    return given


def _repeats_text(node: PlanNode) -> str:
    """Returns which repeats a node has."""
    if not node.repeats:
        return "there is none"
    if node.matrix is None:
        return f"the last one is [{node.repeats - 1}]"
    return f"they are [{node.label(0)}] to [{node.label(node.repeats - 1)}]"


def _is_array(node: PlanNode) -> bool:
    return any(child.repeats is not None for child in node.children)


def _index(awaited: PlanNode, common: PlanNode, given: GivenRepeats) -> Index | None:
    if not given:
        return None
    steps: list[int | range] = []
    for node in upwards(awaited):
        if node is common:
            break
        if node.repeats is not None:
            steps.append(given.get(node.order, -1))
    return tuple(reversed(steps))
