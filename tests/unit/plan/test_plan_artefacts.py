"""To consume an artefact is to depend on the job that makes it."""

from hypothesis import given
from hypothesis import strategies as st

from gator.plan import Plan, make_plan
from gator.plan.instances.inputs import add_inputs, has_inputs
from gator.spec import load
from gator.testing.world import order, request
from gator.v1 import attach_pb2, spec_pb2

PRODUCT = spec_pb2.Product(name="out", path="out")
LANES = """\
!JobGroup
ident: top
jobs:
- !Job {ident: build, command: a, artefacts: {produces: {sim: simv, cov: {path: c, optional: true}}}}
- !JobArray
  ident: lanes
  repeats: 3
  jobs:
  - !JobGroup
    ident: lane
    jobs:
    - !Job
      ident: run
      command: ${{ artefacts.build.sim }}
      artefacts: {consumes: [build.sim, {from: build.cov, as: copy}], produces: {db: "${{ array }}.db"}}
    - !Job {ident: check, command: a, artefacts: {consumes: run.db}}
- !Job {ident: merge, command: a, artefacts: {consumes: {from: run.db, when: done, any: true}}}
- !Job {ident: first, command: a, artefacts: {consumes: 'lanes/lane[0]/run.db'}}
"""


def planned(text: str, *skip: str) -> Plan:
    return make_plan(request(load(text, file="x.yaml").spec, skip=skip))


def inputs(plan: Plan, path: str, template: str) -> list[attach_pb2.Input]:
    launch = attach_pb2.LaunchNode(path=path)
    node = plan.nodes[template]
    assert has_inputs(node)
    add_inputs(launch, node)
    return list(launch.inputs)


def edges(plan: Plan) -> set[tuple[str, str, str]]:
    return {(edge.waiting.template, edge.awaited.template, edge.condition.name) for edge in plan.edges}


@given(
    wanted=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda pair: pair[0] < pair[1])),
    done=st.booleans(),
)
def test_the_graph_of_artefacts_is_the_graph_of_dependencies(
    wanted: set[tuple[int, int]], done: bool
) -> None:
    def spec(*, by_artefacts: bool) -> spec_pb2.Spec:
        jobs: list[spec_pb2.Spec] = []
        for number in range(6):
            job = spec_pb2.Job(ident=f"j{number}", command="a")
            before = [f"j{first}" for first, then in sorted(wanted) if then == number]
            job.artefacts.produces.append(PRODUCT)
            if by_artefacts:
                for name in before:
                    found = job.artefacts.consumes.add(name="out", when_done=done)
                    found.job.name = name
            else:
                job.order.CopyFrom(order(on_done=before) if done else order(on_pass=before))
            jobs.append(spec_pb2.Spec(job=job))
        return spec_pb2.Spec(group=spec_pb2.JobGroup(ident="top", jobs=jobs))

    first, second = (make_plan(request(spec(by_artefacts=each))) for each in (True, False))
    assert edges(first) == edges(second)
    assert len(first.edges) == len(wanted)


def test_an_attempt_is_told_who_makes_what_it_uses() -> None:
    plan = planned(LANES)
    sim, cov = inputs(plan, "top/lanes/lane[1]/run", "top/lanes/lane/run")
    assert (sim.job, sim.name, sim.producers, sim.repeated, sim.optional) == (
        "build",
        "sim",
        "top/build",
        False,
        False,
    )
    assert (cov.optional, cov.copy) == (True, True)
    (own,) = inputs(plan, "top/lanes/lane[1]/check", "top/lanes/lane/check")
    assert (own.producers, own.repeated) == ("top/lanes/lane[1]/run", False)
    (every,) = inputs(plan, "top/merge", "top/merge")
    assert (every.producers, every.repeated, every.when_done, every.any) == (
        "top/lanes/lane[*]/run",
        True,
        True,
        True,
    )
    (one,) = inputs(plan, "top/first", "top/first")
    assert (one.producers, one.repeated) == ("top/lanes/lane[0]/run", False)


def test_a_producer_that_is_not_selected_is_told() -> None:
    (sim, _) = inputs(planned(LANES, "build"), "top/lanes/lane[0]/run", "top/lanes/lane/run")
    assert sim.unselected


def test_selecting_a_consumer_selects_the_producer() -> None:
    plan = make_plan(request(load(LANES, file="x.yaml").spec, only=["first"]))
    assert set(plan.nodes) == {
        "top",
        "top/build",
        "top/lanes",
        "top/lanes/lane",
        "top/lanes/lane/run",
        "top/first",
    }


def test_jobs_without_artefacts_have_no_inputs() -> None:
    plan = planned("!JobGroup {ident: top, jobs: [!Job {ident: a, command: a}]}")
    assert not has_inputs(plan.nodes["top/a"])


def test_paths_of_artefacts_have_the_values_of_their_instance() -> None:
    plan = planned(LANES)
    job = plan.resolve(plan.nodes["top/lanes/lane/run"], "top/lanes/lane[2]/run")
    assert job.artefacts.produces[0].path == "2.db"
    assert job.command == "${{ artefacts.build.sim }}"
