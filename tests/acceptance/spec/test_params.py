"""Parameters from the command line to the jobs and back to the commands that show a run."""

import json

import pytest

from tests.acceptance.project.test_examples import example
from tests.acceptance.support import Gator


def test_options_set_parameters_and_a_note_says_who_keeps_its_own(gator: Gator) -> None:
    given = ["--param", "tests=reset", "--param", "waves=-v,-w out", "--param", "mode=slow"]
    done = gator("run", example("params.yaml"), *given).expect(0)
    assert gator("logs", "sim").expect(0).out == "mode=slow -v -w out reset\n"
    assert "keep" not in done.out
    done = gator("run", example("params.yaml"), "--param", "mode=fast").expect(0)
    assert "--param mode=fast applies to 2 of 3 jobs: 1 keeps its own" in done.out + done.err
    gator("run", example("params.yaml"), "--param", "thorough:mode=fast").expect(0)
    assert gator("logs", "thorough").expect(0).out == "smoke in fast mode\ndma in fast mode\n"


def test_a_repeat_has_the_parameters_of_its_run(gator: Gator) -> None:
    spec = gator.spec(
        "!JobGroup\nident: top\nparams: {code: 0}\n"
        "jobs:\n- !Job {ident: a, shell: 'exit ${{ params.code }}'}\n"
    )
    gator("run", spec, "--param", "code=3").expect(1)
    assert "--param code=3" in gator("show", "a").expect(0).out


def test_parameters_are_shown(gator: Gator) -> None:
    shown = gator("plan", example("params.yaml"), "--param", "mode=slow").expect(0).out
    assert "night        mode=slow, tests=smoke,dma, waves=" in shown
    plan = json.loads(gator("plan", example("params.yaml"), "--json").expect(0).out)
    assert plan["root"]["children"][1]["params"] == {"mode": "slow", "tests": ["smoke", "dma"], "waves": []}
    listed = gator("run", example("params.yaml"), "--help-params").expect(0).out
    assert listed.splitlines() == [
        "mode                 text  default fast       How thorough the tests are; one of fast, slow",
        "tests                list  default smoke,dma",
        "waves                list  default empty      Further options of the simulator",
        "night/thorough:mode  text  default slow",
    ]
    gator("run", example("params.yaml")).expect(0)
    assert "param           mode=slow" in gator("show", "thorough").expect(0).out
    node = json.loads(gator("show", "thorough", "--json").expect(0).out)
    params = node["description"]["job"]["settings"]["params"]
    assert [(param["name"], param["type"], param["values"]) for param in params] == [
        ("mode", "text", ["slow"]),
        ("tests", "list", ["smoke", "dma"]),
        ("waves", "list", []),
    ]


def test_all_wrong_parameters_are_listed_at_once(gator: Gator) -> None:
    given = ["--param", "mode=medium", "--param", "mod=fast", "--param", "thorough:mod=x"]
    lines = gator("run", example("params.yaml"), *given).expect(2).err.splitlines()
    assert [line.removeprefix("gator: ").split(":")[0] for line in lines] == [
        "--param mod=fast",
        "--param mode=medium",
        "--param thorough",
    ]


def test_wrong_parameters_are_refused_before_anything_starts(gator: Gator) -> None:
    spec = gator.spec(
        "!JobGroup\nident: top\nparams: {n: 3, flag: false, mode: {default: a, choices: [a, b]}}\n"
        "jobs:\n- !Job {ident: one, command: 'true', params: {deep: x}}\n"
        "- !Job {ident: two, command: 'true'}\n"
    )
    for text, message in {
        "n=x": "n must be a number, not 'x'",
        "flag=1": "flag must be true or false, not '1'",
        "mode=c": "mode must be one of a, b, not 'c'",
        "mod=a": "'top' has no parameter 'mod': did you mean 'mode'?",
        "deep=1": "'deep' is a parameter of top/one: write --param top/one:deep=VALUE",
        "n": "must be NAME=VALUE, or PATH:NAME=VALUE for one node",
        ":n=1": "must be NAME=VALUE, or PATH:NAME=VALUE for one node",
        "three:n=1": "there is no node 'three': see `gator plan SPEC`",
        "one[0]:n=1": "a parameter has one value in all repeats: leave out the brackets",
    }.items():
        assert f"--param {text}: {message}" in gator("run", spec, "--param", text).expect(2).err
    assert not (gator.root / "tracking").exists()


def test_secret_parameters_are_masked(gator: Gator) -> None:
    spec = gator.spec(
        "!JobGroup\nident: top\nparams: {db_password: '', url: ''}\nsecrets: [url]\n"
        "jobs:\n- !Job\n  ident: a\n  command: test\n"
        "  args: [-n, '${{ params.db_password }} ${{ params.url }}']\n"
    )
    given = ["--param", "db_password=hunter2hunter2", "--param", "url=swordfish"]
    for command in (
        ["plan", spec, *given],
        ["plan", spec, *given, "--json"],
        ["run", spec, *given],
        ["run", spec, *given, "--help-params"],
        ["show", "a"],
        ["show", "a", "--json"],
    ):
        done = gator(*command).expect(0)
        assert "hunter2" not in done.out + done.err
        assert "swordfish" not in done.out + done.err


ASKING = """
!Job
ident: asks
params: {mode: fast, big: 9007199254740993, list: [a, b c]}
shell: |
  gator param list
  unset GATOR_PARAMS
  gator param big
  "${{ gator.python }}" -c 'from gator import client; print(client.params()["list"])'
  gator param mod || echo "exit code $?"
"""


@pytest.mark.parametrize("placement", ["inline", "daemons"])
def test_a_job_asks_for_its_parameters(gator: Gator, placement: str) -> None:
    gator("run", gator.spec(ASKING), "--placement", placement).expect(0)
    lines = gator("logs", "asks").expect(0).out.splitlines()
    expected = ["a", "b c", "9007199254740993", "['a', 'b c']", "exit code 2"]
    assert [line for line in lines if "no parameter" not in line] == expected
    assert any("this job has no parameter 'mod': did you mean 'mode'?" in line for line in lines)
    assert gator("param").expect(0).out == "{}\n"


def test_a_name_of_a_parameter_is_an_error_outside_of_jobs(gator: Gator) -> None:
    told = gator("param", "mode").expect(2).err
    assert "not inside a job: gator param works only in the jobs of a run" in told


def test_a_parameter_can_be_the_seed_of_the_run(gator: Gator) -> None:
    text = (
        "!JobGroup\nident: top\nparams: {seed: 42, no: x}\nseed: ${{ params.seed }}\n"
        "jobs:\n- !Job {ident: a, command: echo}\n"
    )
    spec = gator.spec(text)
    assert gator("plan", spec).expect(0).out.endswith("1 job, seed 42\n")
    assert "seed 7," in gator("run", spec, "--param", "seed=7").expect(0).out
    assert "seed 8," in gator("run", spec, "--seed", 8).expect(0).out
    wrong = gator.spec(text.replace("{{ params.seed", "{{ params.no"))
    error = ":1:1: 'seed' is 'x': must be a whole number from 1 to 2147483647, or random"
    assert error in gator("run", wrong).expect(2).err
    unknown = gator.spec(text.replace("{{ params.seed", "{{ matrix.seed"))
    assert ":4:7: unknown name ${{ matrix.seed }}" in gator("check", unknown).expect(2).out


def test_labels_of_the_spec_are_those_of_the_run(gator: Gator) -> None:
    spec = gator.spec(
        "!JobGroup\nident: top\nparams: {branch: main}\n"
        'labels: {suite: nightly, branch: "${{ params.branch }}", version: 1.10}\n'
        "jobs:\n- !Job {ident: a, command: echo}\n"
    )
    gator("run", spec, "--param", "branch=dev", "--label", "suite=weekly").expect(0)
    found = gator("runs", "--label", "branch=dev", "--json").expect(0).out
    assert json.loads(found)["labels"] == {"suite": "weekly", "branch": "dev", "version": "1.10"}
