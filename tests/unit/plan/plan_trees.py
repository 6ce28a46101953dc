"""Short ways to write a spec and a plan in a test."""

from collections.abc import Mapping, Sequence

from gator.errors import SpecError
from gator.plan import Plan, make_plan
from gator.v1 import common_pb2, plan_pb2, spec_pb2

Names = Sequence[str]


def _order(on_pass: Names, on_fail: Names, on_done: Names) -> spec_pb2.Order:
    def references(names: Names) -> list[spec_pb2.Reference]:
        return [spec_pb2.Reference(name=name) for name in names]

    return spec_pb2.Order(
        on_pass=references(on_pass), on_fail=references(on_fail), on_done=references(on_done)
    )


def job(
    ident: str,
    *args: str,
    on_pass: Names = (),
    on_fail: Names = (),
    on_done: Names = (),
    settings: spec_pb2.Settings | None = None,
    line: int = 0,
    seed: str | None = None,
    priority: int = 0,
    shell: str = "",
    resources: spec_pb2.Resources | None = None,
) -> spec_pb2.Spec:
    """A job that echoes its arguments."""
    return spec_pb2.Spec(
        job=spec_pb2.Job(
            ident=ident,
            command="" if shell else "echo",
            args=args,
            shell=shell,
            order=_order(on_pass, on_fail, on_done),
            settings=settings,
            seed=seed,
            priority=priority,
            resources=resources,
            position=common_pb2.SourcePosition(file="spec.yaml", line=line),
        )
    )


def group(
    ident: str,
    *jobs: spec_pb2.Spec,
    on_pass: Names = (),
    on_fail: Names = (),
    on_done: Names = (),
    settings: spec_pb2.Settings | None = None,
    seed: str | None = None,
    priority: int = 0,
) -> spec_pb2.Spec:
    """A group of these children."""
    return spec_pb2.Spec(
        group=spec_pb2.JobGroup(
            ident=ident,
            jobs=jobs,
            order=_order(on_pass, on_fail, on_done),
            settings=settings,
            seed=seed,
            priority=priority,
            position=common_pb2.SourcePosition(file="spec.yaml"),
        )
    )


def array(
    ident: str,
    repeats: int,
    *jobs: spec_pb2.Spec,
    on_pass: Names = (),
    settings: spec_pb2.Settings | None = None,
    seed: str | None = None,
) -> spec_pb2.Spec:
    """An array of these children."""
    return spec_pb2.Spec(
        array=spec_pb2.JobArray(
            ident=ident,
            repeats=repeats,
            jobs=jobs,
            order=_order(on_pass, (), ()),
            settings=settings,
            seed=seed,
            position=common_pb2.SourcePosition(file="spec.yaml"),
        )
    )


def env(**values: str | None) -> spec_pb2.Settings:
    """Settings with these variables; None removes one."""
    return spec_pb2.Settings(env=[spec_pb2.EnvVariable(name=n, value=v) for n, v in values.items()])


def plan(
    spec: spec_pb2.Spec,
    *,
    seed: int = 1,
    seeds: Mapping[str, int] | None = None,
    only: Names = (),
    skip: Names = (),
    tags: Names = (),
    environment: Mapping[str, str] | None = None,
) -> Plan:
    """The plan of a spec."""
    return make_plan(
        plan_pb2.PlanRequest(
            spec=spec,
            seed=seed,
            seeds=seeds,
            only=only,
            skip=skip,
            tags=tags,
            environment=environment,
            spec_dir="/specs",
            launch_dir="/launch",
            run="run-1",
            run_dir="/runs/run-1",
        )
    )


def edges(made: Plan) -> list[str]:
    """The edges in short, such as `top/a on_pass top/b[2] at top`."""
    shown: list[str] = []
    for edge in made.edges:
        index = "" if edge.index is None else str(list(edge.index))
        text = f"{edge.waiting.template} {edge.condition.name.lower()} {edge.awaited.template}{index}"
        shown.append(f"{text} at {edge.common.template}{' unselected' if edge.unselected else ''}")
    return shown


def problems(spec: spec_pb2.Spec, **options: Names) -> list[str]:
    """The messages of the problems of a spec; empty when it has none."""
    try:
        plan(spec, **options)  # pyright: ignore[reportArgumentType]
    except SpecError as error:
        return [problem.message for problem in error.problems]
    return []
