"""Which nodes run: globs of paths and tags pull in what is waited for; what is skipped never runs.

Selection is by node: where repeats of several levels are picked, every combination of the picked ones
runs. What is skipped pulls nothing in.
"""

import re
from collections.abc import Sequence

from msgspec import Struct, field

from gator.errors import Problem, UsageError
from gator.plan import globs
from gator.plan.globs import Hit
from gator.plan.nodes import PlanNode
from gator.plan.references import Link
from gator.plan.tree import Tree, upwards
from gator.spec.suggestions import did_you_mean
from gator.v1 import plan_pb2

_MAX_SHOWN = 5
_MAX_COMPARED = 5000
"""Maximum number of nodes that are compared with a name that means none."""
_INDEX = re.compile(r"\[\d+\]")


class Selection(Struct):
    """What is selected, by the order of a node."""

    present: set[int] = field(default_factory=set[int])
    """Nodes of which something runs."""
    repeats: dict[int, set[int] | None] = field(default_factory=dict[int, set[int] | None])
    """Which repeats of a node run; None for all of them."""
    skipped: set[int] = field(default_factory=set[int])
    """Nodes that do not run, with all below them."""
    skipped_repeats: dict[int, set[int]] = field(default_factory=dict[int, set[int]])
    """Repeats that do not run."""
    warnings: list[Problem] = field(default_factory=list[Problem])


def select(tree: Tree, links: Sequence[Link], request: plan_pb2.PlanRequest) -> Selection:
    """What the request selects. Raises UsageError when that is nothing."""
    selection = Selection()
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
            hit.node, {order: globs.numbers(tree.nodes[order], text) for order, text in hit.repeats.items()}
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
    """Take what is not selected out of the tree and count jobs; the rest by template, in preorder.

    Raises UsageError when nothing is left.
    """
    kept: set[int] = set()
    for node in reversed(tree.nodes):
        had_children = bool(node.children)
        node.children = [child for child in node.children if child.order in kept]
        _pick(node, selection)
        gone = node.order in selection.skipped or node.order not in selection.present
        empty = (had_children and not node.children) or (node.repeats and not node.indices)
        if gone or empty:
            continue
        kept.add(node.order)
        node.jobs = 1 if node.job else sum(child.jobs * child.instances for child in node.children)
    if tree.root.order not in kept:
        raise UsageError("nothing is left to run: --skip takes out everything that is selected")
    outside: set[int] = set()
    for node in tree.nodes:
        if node.order not in kept or (node.parent is not None and node.parent.order in outside):
            outside.add(node.order)
    return {node.template: node for node in tree.nodes if node.order not in outside}


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
            f"--skip {pattern} would take a part out of one repeat, which is not possible: "
            "skip the whole repeat, or the node in all repeats"
        )
    numbers = globs.numbers(hit.node, hit.repeats[hit.node.order])
    selection.skipped_repeats.setdefault(hit.node.order, set()).update(numbers)


class _Spread(Struct):
    """Follows dependencies from what is selected, each node at most twice."""

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
        """Select the way from the root to a node; in each level these repeats, or all of them."""
        if any(above.order in self.selection.skipped for above in upwards(node)):
            return
        for above in upwards(node):
            self._enter(above, repeats.get(above.order))
        self._follow()

    def whole(self, node: PlanNode) -> None:
        """Select everything below a node."""
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
        """Pull in what the nodes that have just been selected wait for."""
        while self._work:
            for link in self._of.get(self._work.pop().order, ()):
                if any(above.order in self.selection.skipped for above in upwards(link.awaited)):
                    continue
                steps = list(link.index or ())
                for node in upwards(link.awaited):
                    if node is link.common:
                        break
                    step = steps.pop() if steps and node.repeats is not None else -1
                    self._enter(node, None if step < 0 else {step})
                self._fill(link.awaited)


class _Finder(Struct):
    """Finds the nodes that a glob or a tag means."""

    tree: Tree
    selection: Selection

    def hits(self, option: str, pattern: str) -> list[Hit]:
        """Every node that a glob matches; a warning when there is none."""
        hits = globs.find(self.tree, pattern)
        if not hits:
            self._warn(f"{option} {pattern} matches nothing{self._near(pattern)}")
        return hits

    def tagged(self, tags: Sequence[str]) -> list[PlanNode]:
        """Every node that has one of the tags, and the highest of them only."""
        found: list[PlanNode] = []
        for tag in tags:
            with_tag = [node for node in self.tree.nodes if tag in node.tags]
            if not with_tag:
                self._warn(f"--tag {tag} matches nothing{self._near_tag(tag)}")
            found += [n for n in with_tag if n.parent is None or tag not in n.parent.tags]
        return found

    def nothing(self, request: plan_pb2.PlanRequest) -> str:
        """Why nothing is selected."""
        asked = [f"--only {p}" for p in request.only] + [f"--tag {t}" for t in request.tags]
        shown = ", ".join(asked[:_MAX_SHOWN]) + (", …" if len(asked) > _MAX_SHOWN else "")
        near = [self._near(pattern) for pattern in request.only] + [
            self._near_tag(tag) for tag in request.tags
        ]
        hint = next(filter(None, near), ": `gator plan SPEC` shows the paths and tags there are")
        return f"nothing to run matches {shown}{hint}"

    def _near(self, pattern: str) -> str:
        """Returns a question for the node that was most likely meant; empty where none is near."""
        wanted = _INDEX.sub("", pattern.strip("/"))
        if "*" in wanted:
            return ""
        depth = wanted.count("/") + 1
        tails = {"/".join(node.template.split("/")[-depth:]) for node in self.tree.nodes[:_MAX_COMPARED]}
        # Where the node is there its repeat is not, and a plan shows how many there are.
        return "" if wanted in tails else did_you_mean(wanted, tails)

    def _near_tag(self, tag: str) -> str:
        return did_you_mean(tag, {there for node in self.tree.nodes for there in node.tags})

    def _warn(self, message: str) -> None:
        self.selection.warnings.append(Problem(self.tree.root.position.file, 0, 0, message))
