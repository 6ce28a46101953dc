"""Random trees of groups, arrays and jobs that wait for each other, and random worlds for them to run in."""

from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from hypothesis import strategies as st

from gator.errors import UserError
from gator.plan import make_plan
from gator.testing.world import request
from gator.v1 import attach_pb2, plan_pb2, spec_pb2


class Printer(Protocol):
    """What hypothesis prints with."""

    def text(self, text: str) -> None: ...


Node = spec_pb2.Job | spec_pb2.JobGroup | spec_pb2.JobArray
STOPS = (attach_pb2.STOP_MODE_GRACEFUL, attach_pb2.STOP_MODE_NOW, attach_pb2.STOP_MODE_HOLD)


@dataclass(repr=False)
class Case:
    """A spec that can be planned, and what is random about the run of it."""

    request: plan_pb2.PlanRequest
    seed: int
    cores: int
    starts: bool
    stops: list[tuple[int, str, attach_pb2.StopMode.ValueType]] = field(
        default_factory=list[tuple[int, str, attach_pb2.StopMode.ValueType]]
    )
    """After how many steps, which path, and how."""

    def _repr_pretty_(self, printer: "Printer", cycle: bool) -> None:
        """As hypothesis shows it."""
        del cycle
        printer.text(repr(self))

    def __repr__(self) -> str:
        how = f"seed={self.seed}, cores={self.cores}, starts={self.starts}, stops={self.stops}"
        return f"Case(skip={list(self.request.skip)}, {how})\n{_outline(self.request.spec, '  ')}"


def made(spec: spec_pb2.Spec) -> Node:
    """The job, group or array in a spec."""
    if spec.HasField("job"):
        return spec.job
    return spec.group if spec.HasField("group") else spec.array


def children(spec: spec_pb2.Spec) -> list[spec_pb2.Spec]:
    node = made(spec)
    return [] if isinstance(node, spec_pb2.Job) else list(node.jobs)


@st.composite
def cases(draw: st.DrawFn, *, limits: bool = False, stops: bool = False, skips: bool = True) -> Case:
    """A random case. What depends on it in detail comes from seeds, which keeps it fast."""
    random = Random(draw(st.integers(0, 1 << 32)))
    size = draw(st.integers(2, 16).map(lambda less: 18 - less))
    spec = _tree(random, size, limits=limits)
    asked = _with_waits(random, spec, random.randrange(size))
    if skips and random.random() < 0.2:
        asked = _with_skips(random, asked)
    case = Case(asked, draw(st.integers(0, 1 << 32)), random.choice([1, 2, 5]), random.random() < 0.7)
    if stops:
        paths = [*_paths(make_plan(asked).root.ident, spec), ""]
        for _ in range(draw(st.integers(1, 3))):
            case.stops.append((random.randrange(10), random.choice(paths), random.choice(STOPS)))
    return case


def _tree(random: Random, size: int, *, limits: bool) -> spec_pb2.Spec:
    root = _node(random, 0, limits=limits, leaf=False)
    inner = [root]
    for number in range(1, size):
        parent = made(random.choice(inner[-4:]))
        assert not isinstance(parent, spec_pb2.Job)
        child = _node(random, number, limits=limits, leaf=random.random() < 0.6)
        parent.jobs.append(child)
        if not child.HasField("job"):
            inner.append(parent.jobs[-1])
    return root


def _node(random: Random, number: int, *, limits: bool, leaf: bool) -> spec_pb2.Spec:
    ident, allowed = f"n{number}", random.random() < 0.15
    if leaf:
        job = spec_pb2.Job(ident=ident, command="true", allow_failure=allowed)
        if random.random() < 0.2:
            job.settings.retries.lost = random.randrange(3)
        if random.random() < 0.2:
            job.settings.retries.count = random.randrange(3)
            # The simulated clock advances by a millisecond a turn.
            job.settings.retries.delay_millis = random.randrange(2)
        return spec_pb2.Spec(job=job)
    if random.random() < 0.5:
        group = spec_pb2.JobGroup(ident=ident, allow_failure=allowed)
        spec = spec_pb2.Spec(group=group)
    else:
        array = spec_pb2.JobArray(ident=ident, repeats=random.choice([0, 1, 2, 2, 3]), allow_failure=allowed)
        spec = spec_pb2.Spec(array=array)
    if limits and random.random() < 0.5:
        node = made(spec)
        assert not isinstance(node, spec_pb2.Job)
        node.max_fail = random.randint(1, 3)
    return spec


def _with_waits(random: Random, spec: spec_pb2.Spec, number: int) -> plan_pb2.PlanRequest:
    """Let nodes wait for others. A wait that makes no plan (own line, loop, no such repeat) is left out."""
    below = [each for each in _preorder(spec) if each is not spec]
    for _ in range(number if len(below) > 1 else 0):
        waiting, awaited = random.sample(below, 2)
        name = made(awaited).ident
        if random.random() < 0.2:
            name += f"[{random.randrange(3)}]"
        order = made(waiting).order
        kind = random.choice([order.on_pass, order.on_pass, order.on_fail, order.on_done])
        kind.append(spec_pb2.Reference(name=name))
        if not _plans(request(spec)):
            del kind[-1]
    return request(spec)


def _with_skips(random: Random, asked: plan_pb2.PlanRequest) -> plan_pb2.PlanRequest:
    less = plan_pb2.PlanRequest()
    less.CopyFrom(asked)
    below = list(_preorder(asked.spec))[1:]
    for each in random.sample(below, min(len(below), random.randint(1, 2))):
        less.skip.append(made(each).ident + random.choice(["", "", "[0]"]))
    return less if _plans(less) else asked


def _plans(asked: plan_pb2.PlanRequest) -> bool:
    try:
        make_plan(asked)
    except UserError:
        return False
    return True


def _outline(spec: spec_pb2.Spec, indent: str) -> str:
    """A tree as text, for a case that fails."""
    node = made(spec)
    more = f" x {node.repeats}" if isinstance(node, spec_pb2.JobArray) else ""
    if isinstance(node, spec_pb2.Job):
        more += f" lost {node.settings.retries.lost}" if node.settings.retries.HasField("lost") else ""
        more += f" retries {node.settings.retries.count}" if node.settings.retries.count else ""
    elif node.max_fail:
        more += f" max_fail {node.max_fail}"
    for name in ("on_pass", "on_fail", "on_done"):
        more += "".join(f" {name} {reference.name}" for reference in getattr(node.order, name))
    more += " allow_failure" if node.allow_failure else ""
    line = f"{indent}{spec.WhichOneof('node')} {node.ident}{more}\n"
    return line + "".join(_outline(child, indent + "  ") for child in children(spec))


def _preorder(spec: spec_pb2.Spec) -> list[spec_pb2.Spec]:
    return [spec, *(inner for child in children(spec) for inner in _preorder(child))]


def _paths(path: str, spec: spec_pb2.Spec) -> list[str]:
    """Paths of instances, without regard to what is selected."""
    node = made(spec)
    found = [path]
    for child in children(spec):
        below = f"{path}/{made(child).ident}"
        if isinstance(node, spec_pb2.JobArray):
            for index in range(node.repeats):
                found += _paths(f"{below}[{index}]", child)
        else:
            found += _paths(below, child)
    return found
