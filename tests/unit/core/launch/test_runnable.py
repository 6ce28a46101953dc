"""Whether a run can start: what its options leave out."""

import pytest

from gator.core.dispatch.pools import Pools
from gator.core.launch.runnable import Runnable, decide
from gator.errors import SpecError
from gator.spec import load
from gator.v1 import plan_pb2

SPEC = """\
!JobGroup
ident: top
params: {builds: true}
jobs:
- !Job {ident: build, command: make, when: "${{ params.builds }}", artefacts: {produces: {sim: s, log: l}}}
- !Job {ident: use, command: run, artefacts: {consumes: build.sim}}
"""


def _finds(program: str, path: str, cwd: str) -> bool:
    return bool(program or path or cwd)


def decided(text: str, *, is_rerun: bool = False, skip: str = "") -> Runnable:
    request = plan_pb2.PlanRequest(spec=load(text, file="spec.yaml").spec, seed=1)
    request.skip.extend([skip] if skip else [])
    return decide(request, Pools(2, 1 << 30, False, {}), _finds, is_rerun=is_rerun)


def test_a_job_without_the_producer_of_an_artefact_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        decided(SPEC, skip="build")
    assert str(caught.value) == (
        "spec.yaml:6:3: 'use' uses build.sim, but --skip excludes 'top/build': "
        "select it too, or repeat a run that made it with --repeat RUN"
    )
    with pytest.raises(SpecError, match=r"'use' uses build\.sim, but `when` of 'build' is false"):
        decided(SPEC.replace("builds: true", "builds: false"))


def test_a_rerun_and_an_optional_artefact_need_no_producer() -> None:
    assert "top/build" not in decided(SPEC, skip="build", is_rerun=True).plan.nodes
    optional = SPEC.replace("sim: s", "sim: {path: s, optional: true}")
    assert "top/build" not in decided(optional, skip="build").plan.nodes
