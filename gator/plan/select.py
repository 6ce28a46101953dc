"""Which nodes run: globs of paths and tags pull in what is waited for; what is skipped never runs.

A glob matches the end of a path: `*` stands for anything within a name, `**` for any number of names, a
leading `/` for the root, `run[3]` for one repeat. Selection is by node: where repeats of several levels
are picked, every combination of the picked ones runs.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from gator.errors import Problem, UsageError
from gator.plan.nodes import PlanNode
from gator.plan.order import Link
from gator.plan.tree import Tree, upwards
from gator.v1 import plan_pb2

_SEGMENT = re.compile(r"([^\[\]]+)(?:\[([0-9*]+)\]|\.([0-9]+))?")
_MOST_SHOWN = 5


@dataclass(slots=True)
class Selection:
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


@dataclass(slots=True)
class _Hit:
    """A node that a glob matches, and what the glob says about repeats, by the order of the node."""

    node: PlanNode
    repeats: dict[int, str]


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
            hit.node, {order: _numbers(tree.nodes[order], text) for order, text in hit.repeats.items()}
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


def _skip(selection: Selection, hit: _Hit, pattern: str) -> None:
    if not hit.repeats:
        selection.skipped.add(hit.node.order)
        return
    if list(hit.repeats) != [hit.node.order]:
        raise UsageError(
            f"--skip {pattern} would take a part out of one repeat, which is not possible: "
            "skip the whole repeat, or the node in all repeats"
        )
    numbers = _numbers(hit.node, hit.repeats[hit.node.order])
    selection.skipped_repeats.setdefault(hit.node.order, set()).update(numbers)


def _numbers(node: PlanNode, text: str) -> set[int]:
    """The repeats of a node that the text in brackets means."""
    if "*" not in text:
        return {int(text)}
    pattern = _glob(text)
    return {index for index in range(node.repeats or 0) if pattern(str(index))}


@dataclass(slots=True)
class _Spread:
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


@dataclass(slots=True)
class _Finder:
    """Finds the nodes that a glob or a tag means."""

    tree: Tree
    selection: Selection

    def hits(self, option: str, pattern: str) -> list[_Hit]:
        """Every node that a glob matches; a warning when there is none."""
        hits = list(self._matches(pattern))
        if not hits and "/" not in pattern and "." in pattern:
            hits = list(self._matches(pattern.replace(".", "/")))
        if not hits:
            self._warn(f"{option} {pattern} matches nothing")
        return hits

    def tagged(self, tags: Sequence[str]) -> list[PlanNode]:
        """Every node that has one of the tags, and the highest of them only."""
        found: list[PlanNode] = []
        for tag in tags:
            with_tag = [node for node in self.tree.nodes if tag in node.tags]
            if not with_tag:
                self._warn(f"--tag {tag} matches nothing")
            found += [n for n in with_tag if n.parent is None or tag not in n.parent.tags]
        return found

    def nothing(self, request: plan_pb2.PlanRequest) -> str:
        """Why nothing is selected."""
        asked = [f"--only {p}" for p in request.only] + [f"--tag {t}" for t in request.tags]
        shown = ", ".join(asked[:_MOST_SHOWN]) + (", …" if len(asked) > _MOST_SHOWN else "")
        return f"nothing to run matches {shown}: `gator plan` shows the paths and tags there are"

    def _warn(self, message: str) -> None:
        self.selection.warnings.append(Problem(self.tree.root.position.file, 0, 0, message))

    def _matches(self, pattern: str) -> Iterator[_Hit]:
        absolute = pattern.startswith("/")
        segments = [_Segment.parse(text) for text in pattern.strip("/").split("/")]
        if not absolute:
            segments.insert(0, _ANY)
        for node in self._candidates(segments[-1]):
            path = list(reversed(list(upwards(node))))
            repeats = _match(segments, path)
            if repeats is not None:
                yield _Hit(node, repeats)

    def _candidates(self, last: "_Segment") -> Iterator[PlanNode]:
        if last.name is None:
            return iter(self.tree.nodes)
        exact = {*self.tree.by_ident.get(last.name, ()), *self.tree.by_ident.get(last.whole, ())}
        return (self.tree.nodes[order] for order in sorted(exact))


@dataclass(slots=True, frozen=True)
class _Segment:
    """One name of a glob; `name` is given where it is no pattern, `across` where it is `**`."""

    whole: str
    fits: Callable[[str], bool]
    name: str | None
    repeat: str | None
    across: bool = False

    @staticmethod
    def parse(text: str) -> "_Segment":
        if text == "**":
            return _ANY
        match = _SEGMENT.fullmatch(text)
        if match is None:
            return _Segment(text, lambda ident: ident == text, text, None)
        name, repeat = match[1], match[2] or match[3]
        if match[3] is not None or "*" not in name:
            return _Segment(text, _glob(name), None if "*" in name else name, repeat)
        return _Segment(text, _glob(name), None, repeat)

    def match(self, node: PlanNode) -> bool:
        """Whether the node itself is meant; a repeat must be one that it has."""
        if self.repeat is None or node.ident == self.whole:
            return node.ident == self.whole or self.fits(node.ident)
        if node.repeats is None or not self.fits(node.ident):
            return False
        return "*" in self.repeat or int(self.repeat) < node.repeats


_ANY = _Segment("**", lambda ident: True, None, None, across=True)


def _glob(text: str) -> Callable[[str], bool]:
    if "*" not in text:
        return lambda ident: ident == text
    pattern = re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", text)), re.DOTALL)
    return lambda ident: pattern.fullmatch(ident) is not None


def _match(segments: Sequence[_Segment], path: Sequence[PlanNode]) -> dict[int, str] | None:
    """What the glob says about repeats if it matches the whole path; None if it does not."""
    if not segments:
        return None if path else {}
    first = segments[0]
    if first.across:
        for start in range(len(path) + 1):
            rest = _match(segments[1:], path[start:])
            if rest is not None:
                return rest
        return None
    if not path or not first.match(path[0]):
        return None
    rest = _match(segments[1:], path[1:])
    if rest is not None and first.repeat is not None and path[0].repeats is not None:
        rest = {path[0].order: first.repeat, **rest}
    return rest
