"""Selects the nodes that run, by globs of paths and tags, with everything that they wait for.

Skipped nodes never run and add no dependencies. Selection is by node: if repeats of several levels are
selected, every combination of them runs.
"""

import re
from collections.abc import Sequence

from msgspec import Struct, field

from gator.errors import Problem, UsageError
from gator.path_patterns import FAILED, PASSED
from gator.plan.dependencies.references import Link
from gator.plan.nodes import PlanNode
from gator.plan.selection import globs
from gator.plan.selection.globs import Hit
from gator.plan.tree import Tree, problem_at, upwards
from gator.spec.suggestions import did_you_mean
from gator.v1 import plan_pb2

_MAX_SHOWN = 5
_MAX_COMPARED = 5000
"""Maximum number of nodes that are compared with an unknown name."""
_INDEX = re.compile(r"\[[^\]/]*\]")


class Selection(Struct):
    """The selected nodes, by their order."""

    present: set[int] = field(default_factory=set[int])
    """Nodes that run, at least partly."""
    repeats: dict[int, set[int] | None] = field(default_factory=dict[int, set[int] | None])
    """The repeats of a node that run; None for all of them."""
    skipped: set[int] = field(default_factory=set[int])
    """Nodes that do not run, with everything below them."""
    skipped_repeats: dict[int, set[int]] = field(default_factory=dict[int, set[int]])
    """Repeats that do not run."""
    warnings: list[Problem] = field(default_factory=list[Problem])


def select(tree: Tree, links: Sequence[Link], request: plan_pb2.PlanRequest) -> Selection:
    """Returns the selection of a request; raises UsageError if it is empty."""
    selection = Selection()
    for node in tree.nodes:
        if node.is_left_out:
            selection.skipped.add(node.order)
        elif node.left_out_repeats:
            selection.skipped_repeats[node.order] = set(node.left_out_repeats)
    finder = _Finder(tree, selection)
    for pattern in request.skip:
        for hit in finder.hits("--skip", pattern):
            _skip(selection, hit, pattern)
    spread = _Spread(tree, selection, links)
    if not request.only and not request.tags:
        spread.whole(tree.root)
        return selection
    hits = [hit for pattern in request.only for hit in finder.hits("--only", pattern)]
    for hit in hits:
        spread.path(
            hit.node,
            {order: set(globs.numbers(tree.nodes[order], text)) for order, text in hit.repeats.items()},
        )
        spread.whole(hit.node)
    tagged = finder.tagged(request.tags)
    for node in tagged:
        spread.path(node, {})
        spread.whole(node)
    if not hits and not tagged:
        raise UsageError(finder.nothing(request))
    return selection


def prune(tree: Tree, selection: Selection) -> dict[str, PlanNode]:
    """Removes unselected nodes from the tree and counts jobs.

    Returns the remaining nodes by template, in preorder. Raises UsageError if none is left.
    """
    kept: set[int] = set()
    unmeant: set[int] = set()
    for node in reversed(tree.nodes):
        if _is_unmeant(node, unmeant):
            unmeant.add(node.order)
        had_children = bool(node.children)
        node.is_partial = any(_is_cut(child, kept, unmeant) for child in node.children)
        node.children = [child for child in node.children if child.order in kept]
        _pick(node, selection)
        gone = node.order in selection.skipped or node.order not in selection.present
        empty = (had_children and not node.children) or (node.repeats and not node.indices)
        if gone or empty:
            continue
        kept.add(node.order)
        node.jobs = 1 if node.job else sum(child.jobs * child.instances for child in node.children)
        if node.is_partial and node.contracts:
            message = f"the contracts of {node.template} are not compared: only a part of its jobs runs"
            selection.warnings.append(problem_at(node.position, message))
    if tree.root.order not in kept:
        has_false_when = any(node.is_left_out or node.left_out_repeats for node in tree.nodes)
        by = "`when` or --skip" if has_false_when else "--skip"
        raise UsageError(f"nothing is left to run: {by} excludes everything that is selected")
    outside: set[int] = set()
    for node in tree.nodes:
        if node.order not in kept or (node.parent is not None and node.parent.order in outside):
            outside.add(node.order)
    return {node.template: node for node in tree.nodes if node.order not in outside}


def _is_unmeant(node: PlanNode, unmeant: set[int]) -> bool:
    """Returns whether `when` leaves out all jobs of a node, by the nodes below for which it does."""
    if node.is_left_out or (node.left_out_repeats and len(node.left_out_repeats) == node.repeats):
        return True
    return bool(node.children) and all(child.order in unmeant for child in node.children)


def _is_cut(node: PlanNode, kept: set[int], unmeant: set[int]) -> bool:
    """Returns whether the selection of the run leaves out jobs of a node."""
    if node.order in unmeant:
        return False
    meant = (node.repeats or 0) - len(node.left_out_repeats)
    return node.order not in kept or node.is_partial or len(node.indices) < meant


def _pick(node: PlanNode, selection: Selection) -> None:
    if node.repeats is None:
        return
    picked = selection.repeats.get(node.order)
    dropped = selection.skipped_repeats.get(node.order)
    if picked is not None:
        node.indices = tuple(sorted(picked - (dropped or set())))
    elif dropped:
        node.indices = tuple(index for index in range(node.repeats) if index not in dropped)


def _skip(selection: Selection, hit: Hit, pattern: str) -> None:
    if not hit.repeats:
        selection.skipped.add(hit.node.order)
        return
    if list(hit.repeats) != [hit.node.order]:
        raise UsageError(
            f"--skip {pattern} would exclude a part of one repeat, which is not possible: "
            "skip the whole repeat, or the node in all repeats"
        )
    numbers = globs.numbers(hit.node, hit.repeats[hit.node.order])
    selection.skipped_repeats.setdefault(hit.node.order, set()).update(numbers)


class _Spread(Struct):
    """Follows dependencies from the selected nodes, each node at most twice."""

    tree: Tree
    selection: Selection
    links: Sequence[Link]
    _of: dict[int, list[Link]] = field(default_factory=dict[int, list[Link]])
    _whole: set[int] = field(default_factory=set[int])
    _work: list[PlanNode] = field(default_factory=list[PlanNode])

    def __post_init__(self) -> None:
        for link in self.links:
            self._of.setdefault(link.waiting.order, []).append(link)

    def path(self, node: PlanNode, repeats: dict[int, set[int]]) -> None:
        """Selects the path from the root to a node, with these repeats of each level, or all of them."""
        if any(above.order in self.selection.skipped for above in upwards(node)):
            return
        for above in upwards(node):
            self._enter(above, repeats.get(above.order))
        self._follow()

    def whole(self, node: PlanNode) -> None:
        """Selects a node and everything below it."""
        self._fill(node)
        self._follow()

    def _enter(self, node: PlanNode, repeats: set[int] | None) -> None:
        selection = self.selection
        if node.order not in selection.present:
            selection.present.add(node.order)
            self._work.append(node)
            selection.repeats[node.order] = (
                set() if node.repeats is not None and repeats is not None else None
            )
        picked = selection.repeats[node.order]
        if repeats is None:
            selection.repeats[node.order] = None
        elif picked is not None:
            picked.update(repeats)

    def _fill(self, node: PlanNode) -> None:
        if any(above.order in self.selection.skipped for above in upwards(node)):
            return
        if node.order in self._whole:
            return
        if node.order not in self.selection.present:
            self._enter(node, None)
        stack = list(self.tree.nodes[node.order].children)
        self._whole.add(node.order)
        while stack:
            below = stack.pop()
            if below.order in self.selection.skipped:
                continue
            self._enter(below, None)
            if below.order not in self._whole:
                self._whole.add(below.order)
                stack += below.children

    def _follow(self) -> None:
        """Selects the nodes that newly selected ones wait for."""
        while self._work:
            for link in self._of.get(self._work.pop().order, ()):
                if any(above.order in self.selection.skipped for above in upwards(link.awaited)):
                    continue
                steps = list(link.index or ())
                for node in upwards(link.awaited):
                    if node is link.common:
                        break
                    step = steps.pop() if steps and node.repeats is not None else -1
                    if isinstance(step, range):
                        self._enter(node, set(step))
                    else:
                        self._enter(node, None if step < 0 else {step})
                self._fill(link.awaited)


class _Finder(Struct):
    """Finds the nodes that globs and tags match."""

    tree: Tree
    selection: Selection

    def hits(self, option: str, pattern: str) -> list[Hit]:
        """Returns every node that a glob matches; warns if there is none."""
        hits = globs.find(self.tree, pattern)
        if not hits:
            self._warn(f"{option} {pattern} matches nothing{self._near(option, pattern)}")
        return hits

    def tagged(self, tags: Sequence[str]) -> list[PlanNode]:
        """Returns the topmost nodes with one of the tags; warns of tags without a node."""
        nodes: list[PlanNode] = []
        for tag in tags:
            with_tag = [node for node in self.tree.nodes if tag in node.tags]
            if not with_tag:
                self._warn(f"--tag {tag} matches nothing{self._near_tag(tag)}")
            nodes += [n for n in with_tag if n.parent is None or tag not in n.parent.tags]
        return nodes

    def nothing(self, request: plan_pb2.PlanRequest) -> str:
        """Returns the error for an empty selection."""
        asked = [f"--only {p}" for p in request.only] + [f"--tag {t}" for t in request.tags]
        shown = ", ".join(asked[:_MAX_SHOWN]) + (", …" if len(asked) > _MAX_SHOWN else "")
        near = [self._near("--only", pattern) for pattern in request.only] + [
            self._near_tag(tag) for tag in request.tags
        ]
        hint = next(filter(None, near), ": see `gator plan SPEC` for the paths and tags")
        return f"nothing to run matches {shown}{hint}"

    def _near(self, option: str, pattern: str) -> str:
        """Returns a suggestion for the node or word that was probably meant; empty if none is near."""
        if pattern.startswith("@"):
            return did_you_mean(pattern, [FAILED if option == "--only" else PASSED])
        name = _INDEX.sub("", pattern.strip("/"))
        if "*" in name:
            return ""
        depth = name.count("/") + 1
        tails = {"/".join(node.template.split("/")[-depth:]) for node in self.tree.nodes[:_MAX_COMPARED]}
        # If the node exists, its repeat does not, and a suggestion would not help.
        return "" if name in tails else did_you_mean(name, tails)

    def _near_tag(self, tag: str) -> str:
        return did_you_mean(tag, {there for node in self.tree.nodes for there in node.tags})

    def _warn(self, message: str) -> None:
        self.selection.warnings.append(Problem(self.tree.root.position.file, 0, 0, message))
