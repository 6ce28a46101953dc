"""Makes the plan of a request: inherited values, resolved dependencies without cycles, selected nodes.

Invariant: pure; the same request gives the same plan in every daemon.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from gator.errors import Problem, SpecError, UsageError
from gator.node_paths import template_of
from gator.plan import interpolate
from gator.plan.baselines import BaselineLookup
from gator.plan.dependencies import cycles
from gator.plan.dependencies.references import Consumed, Link, Resolver
from gator.plan.instances import seeds
from gator.plan.instances.jobs import Filler, matrix_value, shown_job
from gator.plan.nodes import Edge, Input, PlanNode
from gator.plan.selection import globs, select
from gator.plan.tree import Tree, Written, build, problem_at, upwards
from gator.spec.literal import unmarked
from gator.v1 import plan_pb2, spec_pb2

MAX_JOBS = 2**53
"""Maximum number of jobs of a run, up to which every JSON reader represents integers exactly."""


class Plan:
    """The nodes that will run, and their order. Immutable."""

    def __init__(
        self,
        request: plan_pb2.PlanRequest,
        tree: Tree,
        nodes: dict[str, PlanNode],
        edges: Sequence[Edge],
        filler: Filler,
        warnings: Sequence[Problem],
    ) -> None:
        self.root = tree.root
        self.request = request
        self.nodes: dict[str, PlanNode] = nodes
        """The selected nodes in preorder, by template path."""
        self.edges = tuple(edges)
        self.warnings = tuple(warnings)
        self._filler = filler
        self._edges_at: dict[PlanNode, list[Edge]] = {}
        for edge in edges:
            self._edges_at.setdefault(edge.common, []).append(edge)

    def edges_at(self, node: PlanNode) -> Sequence[Edge]:
        """Returns the edges that the tier of this node releases."""
        return self._edges_at.get(node, ())

    def seed(self, path: str) -> int:
        """Returns the seed, 1 to 2^31-1, of an instance by its path with indices."""
        return self._filler.seeds.of(path)

    def has_own_seed(self, node: PlanNode) -> bool:
        """Returns whether the spec gives this node, which is not the root, a seed."""
        return node.template in self._filler.seeds.written

    def attempt_seed(self, node: PlanNode, path: str, failures: int) -> int:
        """Returns the seed of an attempt after this number of failed ones."""
        seed = self.seed(path)
        return seeds.reseeded(seed, failures) if node.resolved_at(path).settings.retries.reseed else seed

    def resolve(self, node: PlanNode, path: str, seed: int | None = None) -> spec_pb2.Job:
        """Returns the job of an instance with each `${{ }}` filled in that is known before it starts.

        The message may be shared between instances, so it must not be changed. Names that are known only when
        an attempt starts stay as written, and so does `$${{`. `seed` is that of the attempt, if it
        has another one.
        """
        return self._filler.job(node, path, seed)

    def contracts(self, node: PlanNode, path: str) -> list[spec_pb2.Contract]:
        """Returns the contracts of an instance, with the baselines that they are relative to."""
        return self._filler.contracts(node, path)

    def hooks(self, node: PlanNode, path: str) -> spec_pb2.Hooks:
        """Returns the hooks of an instance of a group or array, with each `${{ }}` filled in."""
        return self._filler.hooks(node, path)


def make_plan(request: plan_pb2.PlanRequest) -> Plan:
    """Returns the plan of a request.

    Raises SpecError with every problem of the spec, and UsageError when nothing is selected or a seed is
    asked for that no node can have.
    """
    return _plan(request, is_recorded=False)


def recorded_plan(request: plan_pb2.PlanRequest) -> Plan:
    """Returns the plan of a request as a run has recorded it, where masks stand for values of secrets."""
    return _plan(request, is_recorded=True)


def recorded_job(request: plan_pb2.PlanRequest, path: str) -> spec_pb2.Job | None:
    """Returns the job of one instance as in `recorded_plan`; None if the spec has no such job.

    Only the node and those above it are planned, which takes a few milliseconds in a spec of any size.
    """
    part = _part(request, path)
    return None if part is None else shown_job(part[1].job(part[0], path))


def recorded_matrix(request: plan_pb2.PlanRequest, path: str) -> dict[str, str]:
    """Returns the values of all matrices for the job of one instance, the nearest of each name."""
    part = _part(request, path)
    if part is None:
        return {}
    names = {name for above in upwards(part[0]) if above.matrix for name in above.matrix.names}
    values = ((name, matrix_value(part[0], path, name)) for name in sorted(names))
    return {name: value for name, value in values if value is not None}


def _part(request: plan_pb2.PlanRequest, path: str) -> tuple[PlanNode, Filler] | None:
    """Returns the node of a job of a spec, and what fills in its strings; None if there is none."""
    spec = _with_one_job(request.spec, template_of(path).split("/"))
    if spec is None:
        return None
    scope = interpolate.Scope(request.environment, _constants(request), request.today)
    tree = build(spec, scope, request.above.settings, request.scale)
    seeds_of = _seeds(request, tree, scope, is_part=True)
    filler = Filler(scope, seeds_of, BaselineLookup(request.baselines), True)
    return tree.nodes[-1], filler


def _with_one_job(spec: spec_pb2.Spec, names: Sequence[str]) -> spec_pb2.Spec | None:
    """Returns a copy with only a job and the nodes above it; None if there is no such job."""
    arm = spec.WhichOneof("node")
    written: Written | None = getattr(spec, arm) if arm else None
    if written is None or written.ident != names[0]:
        return None
    if isinstance(written, spec_pb2.Job) or len(names) == 1:
        return spec if isinstance(written, spec_pb2.Job) and len(names) == 1 else None
    below = next(filter(None, (_with_one_job(child, names[1:]) for child in written.jobs)), None)
    if below is None:
        return None
    copy = spec_pb2.Spec()
    copy.CopyFrom(spec)
    above = copy.group if arm == "group" else copy.array
    del above.jobs[:]
    above.jobs.append(below)
    return copy


def _plan(request: plan_pb2.PlanRequest, *, is_recorded: bool) -> Plan:
    if request.spec.WhichOneof("node") is None:
        raise UsageError("the spec is empty: its root must be a !Job, !JobGroup or !JobArray")
    scope = interpolate.Scope(request.environment, _constants(request), request.today)
    tree = build(request.spec, scope, request.above.settings, request.scale)
    resolver = Resolver(tree)
    links = resolver.links()
    filler = Filler(scope, _seeds(request, tree, scope), BaselineLookup(request.baselines), is_recorded)
    problems = [*tree.problems, *_ungiven(tree), *resolver.problems, *cycles.find(tree, links)]
    if b"${{" in request.spec.SerializeToString():  # Most specs have none, and checking every text is slow.
        problems += filler.check(tree)
    if problems:
        raise SpecError(problems, resolver.warnings)
    selection = select.select(tree, links, request)
    nodes = select.prune(tree, selection)
    if (jobs := tree.root.jobs * tree.root.instances) > MAX_JOBS:
        message = f"the plan has {jobs:,} jobs; the maximum of a run is {MAX_JOBS:,}: lower 'repeats'"
        raise SpecError([problem_at(tree.root.position, message)], resolver.warnings)
    edges = _edges(links, nodes)
    _add_inputs(resolver.consumed, nodes)
    return Plan(
        request, tree, nodes, edges, filler, [*tree.warnings, *resolver.warnings, *selection.warnings]
    )


def _ungiven(tree: Tree) -> Iterator[Problem]:
    """Yields a problem for each required parameter without a value."""
    for node, written in zip(tree.nodes, tree.written, strict=True):
        for param in written.settings.params:
            if param.required:
                where = "" if node.parent is None else f"{node.template}:"
                message = f"the parameter '{param.name}' is required: use --param {where}{param.name}=VALUE"
                yield problem_at(param.position, message)


def written_nodes(request: plan_pb2.PlanRequest) -> Sequence[PlanNode]:
    """Returns the nodes of a spec with inherited values, in preorder; they need not make a valid plan."""
    scope = interpolate.Scope(request.environment, _constants(request), request.today)
    return build(request.spec, scope, request.above.settings, request.scale).nodes


def unknown_references(spec: spec_pb2.Spec) -> Sequence[Problem]:
    """Returns the problems with names that no node has, for a spec whose text has problems too.

    Returns none if a node may be missing or lack its ident for these problems.
    """
    if not _has_every_name(spec):
        return ()
    resolver = Resolver(build(spec, interpolate.Scope({}, {})))
    resolver.links()
    return resolver.unknown


def _has_every_name(spec: spec_pb2.Spec, default_ident: str = "T") -> bool:
    arm = spec.WhichOneof("node")
    if arm is None:
        return False
    written: Written = getattr(spec, arm)
    if written.ident == default_ident:
        return False
    if isinstance(written, spec_pb2.Job):
        return True
    children = enumerate(written.jobs)
    return bool(written.jobs) and all(_has_every_name(child, f"T{index}") for index, child in children)


def known_text(text: str, node: PlanNode, request: plan_pb2.PlanRequest) -> str:
    """Returns a string with the values that are the same in every repeat of a node.

    What only a repeat or an attempt has is left out.
    """
    if "${{" not in text:
        return text
    scope = interpolate.Scope(request.environment, _constants(request), request.today)
    values = scope.lookup(node.settings)
    return unmarked(interpolate.partly(text, lambda name: values(name) or ""))


def _edges(links: Sequence[Link], nodes: Mapping[str, PlanNode]) -> list[Edge]:
    edges: list[Edge] = []
    for link in links:
        if link.waiting.template not in nodes:
            continue
        edge = _edge(link, nodes)
        edges.append(edge)
        link.waiting.waits.append(edge)
    return edges


def _edge(link: Link, nodes: Mapping[str, PlanNode]) -> Edge:
    return Edge(
        waiting=link.waiting,
        awaited=link.awaited,
        index=link.index,
        condition=link.condition,
        common=link.common,
        unselected=link.awaited.template not in nodes or not _index_runs(link),
    )


def _add_inputs(consumed: Sequence[Consumed], nodes: Mapping[str, PlanNode]) -> None:
    for each in consumed:
        if each.link.waiting.template in nodes:
            edge = _edge(each.link, nodes)
            each.link.waiting.inputs.append(Input(edge, each.consumption, each.product.optional))


def _index_runs(link: Link) -> bool:
    """Returns whether the awaited repeat is selected."""
    node, steps = link.awaited, list(link.index or ())
    while steps:
        assert node.parent is not None, "an index has one number for each level that repeats"
        if node.repeats is not None:
            step = steps.pop()
            if isinstance(step, range):
                if not any(index in step for index in node.indices):
                    return False
            elif step >= 0 and step not in node.indices:
                return False
        node = node.parent
    return True


def _constants(request: plan_pb2.PlanRequest) -> dict[str, str]:
    values = {
        "spec.dir": request.spec_dir,
        "run.id": request.run,
        "run.dir": request.run_dir,
        "gator.python": request.python,
    }
    return {name: interpolate.escape(value) for name, value in values.items()}


def _seeds(
    request: plan_pb2.PlanRequest, tree: Tree, scope: interpolate.Scope, *, is_part: bool = False
) -> seeds.Seeds:
    """Returns the seeds; that of the root is from the request, else from the spec, else 1."""
    written: dict[str, int] = {}
    for node, text in zip(tree.nodes, tree.written, strict=True):
        if not text.HasField("seed") or text.seed == "random":
            continue
        seed = interpolate.partly(text.seed, scope.lookup(node.settings))
        if node.parent is None and request.seed:
            continue  # It is filled in already.
        if seed.isdecimal():
            written[node.template] = int(seed)
        else:
            message = f"'seed' must be a number or 'random', not '{seed}'"
            tree.problems.append(problem_at(node.position, message))
    root = written.pop(tree.root.template, 1)
    requested = {**request.job_seeds, **dict(_requested_seeds(request, tree, is_part=is_part))}
    return seeds.Seeds(request.seed or root, written, requested)


def _requested_seeds(
    request: plan_pb2.PlanRequest, tree: Tree, *, is_part: bool
) -> Iterator[tuple[str, int]]:
    """Yields the seeds that the request gives to single nodes, by paths with all indices or none."""
    for pattern, seed in request.seeds.items():
        hits = globs.find(tree, pattern)
        if is_part and not hits:
            continue
        if len(hits) != 1:
            some = ", ".join(hit.node.template for hit in hits[:5])
            what = (
                f"may be {some}: write more of its path" if hits else "is not a node: see `gator plan SPEC`"
            )
            raise UsageError(f"--seed {pattern}={seed}: '{pattern}' {what}")
        way = list(reversed(list(upwards(hits[0].node))))
        given = {
            order: list(islice(globs.numbers(tree.nodes[order], text), 2))
            for order, text in hits[0].repeats.items()
        }
        counted = {node.order for node in way if node.repeats is not None}
        if given and (given.keys() != counted or any(len(seeds) != 1 for seeds in given.values())):
            first = {node.order: [0] for node in way if node.repeats is not None}
            what = f"write the number of each repeat on the way, such as {_path(way, first)}, or none"
            raise UsageError(f"--seed {pattern}={seed}: {what}")
        yield _path(way, given), seed


def _path(way: Sequence[PlanNode], repeats: Mapping[int, Sequence[int]]) -> str:
    return "/".join(
        f"{node.ident}[{node.label(repeats[node.order][0])}]" if node.order in repeats else node.ident
        for node in way
    )
