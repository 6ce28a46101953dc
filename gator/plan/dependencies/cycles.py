"""Finds dependencies that can never be met because they wait for each other.

Each node is two vertices, its start and its end. A start needs the start of the parent and the end of each
awaited node; an end needs the node's own start and the ends of its children. So loops through groups are
found as well as loops between jobs.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from gator.errors import Problem
from gator.plan.dependencies.references import Link
from gator.plan.nodes import PlanNode
from gator.plan.tree import Tree, problem_at

_MAX_LOOPS = 20


def find(tree: Tree, links: Sequence[Link]) -> list[Problem]:
    """Returns one problem per loop: the shortest loop through each dependency that is part of one."""
    needs = _needs(tree, links)
    part = _components(needs)
    problems: list[Problem] = []
    reported: set[tuple[int, int]] = set()
    for link in links:
        start, end = 2 * link.waiting.order, 2 * link.awaited.order + 1
        if part[start] != part[end] or (start, end) in reported or len(problems) == _MAX_LOOPS:
            continue
        loop = _shortest(needs, part, end, start)
        reported.update(zip(loop, loop[1:] + loop[:1], strict=True))
        reported.add((start, end))
        problems.append(problem_at(link.reference.position, _sentence(tree, loop)))
    return problems


def _needs(tree: Tree, links: Iterable[Link]) -> list[list[int]]:
    needs: list[list[int]] = []
    for node in tree.nodes:
        needs.append([] if node.parent is None else [2 * node.parent.order])
        needs.append([2 * node.order, *(2 * child.order + 1 for child in node.children)])
    for link in links:
        needs[2 * link.waiting.order].append(2 * link.awaited.order + 1)
    return needs


def _components(needs: Sequence[Sequence[int]]) -> list[int]:
    """Returns the strongly connected component of each vertex, as a number (Tarjan 1972, iterative)."""
    part = [-1] * len(needs)
    seen = [-1] * len(needs)
    low = [0] * len(needs)
    stack: list[int] = []
    ways: list[tuple[int, Iterator[int]]] = []
    count = 0

    def enter(vertex: int) -> None:
        nonlocal count
        seen[vertex] = low[vertex] = count
        count += 1
        stack.append(vertex)
        ways.append((vertex, iter(needs[vertex])))

    for first in range(len(needs)):
        if seen[first] < 0:
            enter(first)
        while ways:
            vertex, others = ways[-1]
            for other in others:
                if seen[other] < 0:
                    enter(other)
                    break
                if part[other] < 0:
                    low[vertex] = min(low[vertex], seen[other])
            else:
                ways.pop()
                if ways:
                    low[ways[-1][0]] = min(low[ways[-1][0]], low[vertex])
                if low[vertex] == seen[vertex]:
                    while part[vertex] < 0:
                        part[stack.pop()] = vertex
    return part


def _shortest(needs: Sequence[Sequence[int]], part: Sequence[int], first: int, last: int) -> list[int]:
    """Returns a shortest loop through `last` and `first`, which are in one component, as vertices."""
    came: dict[int, int] = {first: first}
    queue = deque([first])
    while last not in came:
        vertex = queue.popleft()
        for other in needs[vertex]:
            if part[other] == part[first] and other not in came:
                came[other] = vertex
                queue.append(other)
    way = [last]
    while way[-1] != first:
        way.append(came[way[-1]])
    return [last, *reversed(way[1:])]


def _sentence(tree: Tree, loop: Sequence[int]) -> str:
    """Returns the description of a loop that begins with the start of a waiting node."""
    steps = [(tree.nodes[vertex // 2], vertex % 2 == 1) for vertex in loop]
    text = f"these wait for each other: '{steps[0][0].template}'"
    joint = ""
    for (node, ends), (other, _) in zip(steps, [*steps[1:], steps[0]], strict=True):
        if node is other:
            continue
        text += f"{joint} {_step(node, ends, other)} '{other.template}'"
        joint = ", which"
    return text


def _step(node: PlanNode, ends: bool, other: PlanNode) -> str:
    if ends:
        return "contains"
    return "is inside" if node.parent is other else "waits for"
