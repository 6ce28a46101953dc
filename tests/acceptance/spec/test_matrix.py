"""A matrix in runs: order, placements, reruns, and commands that name its instances."""

import json

import pytest

from gator.enum_names import enum_name
from gator.v1 import common_pb2
from tests.acceptance.support import Gator

SPEC = """
!JobGroup
ident: top
jobs:
- !JobArray
  ident: sims
  repeats: 2
  matrix: {test: [a, "b/c"], code: [0, 3]}
  jobs:
  - !JobGroup
    ident: lane
    jobs:
    - !Job {ident: run, shell: "exit ${{ matrix.code }}"}
    - !Job {ident: then, command: echo, args: ["${{ matrix.test }}", "${{ array }}"], on_pass: run}
- !Job {ident: good, command: echo, on_pass: "sims/lane[test=a,code=0]"}
- !Job {ident: bad, command: echo, on_fail: "sims/lane[test=a,code=3,1]"}
- !Job {ident: never, command: echo, on_pass: "sims/lane[code=3,test=b%2Fc]"}
"""


def outcomes(gator: Gator) -> dict[str, str]:
    return {
        path: enum_name(common_pb2.Outcome.DESCRIPTOR, node.outcome) for path, node in gator.nodes().items()
    }


@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
def test_nodes_wait_for_a_combination_in_every_placement(gator: Gator, placement: str) -> None:
    gator("run", gator.spec(SPEC), "--placement", placement).expect(1)
    found = outcomes(gator)
    assert [found[f"top/{name}"] for name in ("good", "bad", "never")] == ["passed", "passed", "pruned"]
    assert found["top/sims/lane[test=b%2Fc,code=0,1]/then"] == "passed"
    assert found["top/sims/lane[test=b%2Fc,code=3,0]/then"] == "pruned"
    assert gator.output("top/sims/lane[test=b%2Fc,code=0,1]/then") == b"b/c 1\n"
    gator.check_results()


def test_a_failed_instance_is_repeated_by_its_name_with_its_seed(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    first = gator.nodes()["top/sims/lane[test=a,code=3,1]/run"].seed
    gator("run", gator.spec(SPEC), "--only", "@failed").expect(1)
    assert gator.nodes()["top/sims/lane[test=a,code=3,1]/run"].seed == first
    assert "top/sims/lane[test=a,code=0,1]/run" not in gator.nodes()


def test_plan_and_show_tell_the_values(gator: Gator) -> None:
    spec = gator.spec(SPEC)
    assert "lane     × 8 (test: a b/c, code: 0 3)" in gator("plan", spec).expect(0).out
    lane = json.loads(gator("plan", spec, "--json").expect(0).out)["root"]["children"][0]["children"][0]
    assert lane["matrix"] == {"test": ["a", "b/c"], "code": ["0", "3"]}
    gator("run", spec).expect(1)
    node = json.loads(gator("show", "lane[test=b%2Fc,code=3,1]/run", "--json").expect(0).out)
    assert node["description"]["matrix"] == {"test": "b/c", "code": "3"}


def test_a_seed_can_be_given_to_one_instance(gator: Gator) -> None:
    spec = gator.spec(SPEC)
    gator(
        "run", spec, "--seed", "lane[test=a,code=0,1]/run=77", "--only", "lane[test=a,code=0,1]/run"
    ).expect(0)
    assert gator.nodes()["top/sims/lane[test=a,code=0,1]/run"].seed == 77
    wrong = gator("plan", spec, "--seed", "lane[test=a]/run=77").expect(2).err
    assert "write the number of each repeat on the way, such as top/sims/lane[test=a,code=0,0]/run" in wrong


VALUES = """
!JobArray
ident: sims
matrix:
- {test: short, time: 1s, cores: 1}
- {test: long, time: 1h, cores: 2}
timeout: ${{ matrix.time }}
jobs:
- !Job
  ident: run
  shell: echo "$GATOR_CORES cores"; sleep 3
  resources: [!Cores "${{ matrix.cores }}"]
"""


@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
def test_each_combination_has_its_own_timeout_and_cores(gator: Gator, placement: str) -> None:
    gator("run", gator.spec(VALUES), "--placement", placement, "--jobs", "2").expect(1)
    found = outcomes(gator)
    assert (found["sims/run[test=short]"], found["sims/run[test=long]"]) == ("failed", "passed")
    assert "2 cores" in gator("logs", "run[test=long]").expect(0).out
    assert "1 cores" in gator("logs", "run[test=short]").expect(0).out
