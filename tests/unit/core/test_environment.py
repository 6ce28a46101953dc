"""What a job is started with."""

import pytest

from gator.core.environment import Launcher, UnsafeScriptError
from gator.core.secrecy import hide, hide_within, is_secret, mask, mask_variables
from gator.v1 import attach_pb2, spec_pb2


def _launcher(**environment: str) -> Launcher:
    return Launcher(
        environment, run="r1", folder="/runs/r1", launch_dir="/home/me", daemon="d1", parent="unix:/x"
    )


def _node(job: spec_pb2.Job, path: str = "top/x", attempt: int = 2) -> attach_pb2.LaunchNode:
    return attach_pb2.LaunchNode(path=path, attempt=attempt, cores=4, seed=9, job=job)


def test_variables_of_an_outer_run_do_not_reach_a_job() -> None:
    launcher = _launcher(GATOR_ARRAY_INDEX="5", GATOR_SCRATCH="/old", GATOR_RUN="outer", GATOR_PARAM_X="1")
    env = launcher.prepare(_node(spec_pb2.Job(command="x")), "t").env
    assert "GATOR_ARRAY_INDEX" not in env
    assert "GATOR_SCRATCH" not in env
    assert (env["GATOR_RUN"], env["GATOR_PARAM_X"], env["GATOR_PARENT"]) == ("r1", "1", "unix:/x")


def test_a_spec_cannot_set_what_gator_sets() -> None:
    job = spec_pb2.Job(command="x")
    job.settings.env.add(name="GATOR_SEED", value="mine")
    job.settings.env.add(name="GATOR_SCRATCH", value="mine")
    env = _launcher().prepare(_node(job), "t").env
    assert env["GATOR_SEED"] == "9"
    assert "GATOR_SCRATCH" not in env


def test_an_empty_value_is_not_an_unset_one() -> None:
    job = spec_pb2.Job(command="x")
    job.settings.env.add(name="EMPTY", value="")
    job.settings.env.add(name="GONE")
    env = _launcher(GONE="1", EMPTY="1").prepare(_node(job), "t").env
    assert env["EMPTY"] == ""
    assert "GONE" not in env


def test_unbuffered_python_may_be_turned_off() -> None:
    prepared = _launcher(PYTHONUNBUFFERED="").prepare(_node(spec_pb2.Job(command="x")), "t")
    assert prepared.env["PYTHONUNBUFFERED"] == ""


def test_memory_is_told_in_megabytes() -> None:
    job = spec_pb2.Job(command="x", resources=spec_pb2.Resources(memory_bytes=1_500_000_000))
    assert _launcher().prepare(_node(job), "t").env["GATOR_MEMORY_MB"] == "1500"


def test_variables_are_expanded_around_what_is_filled_in_but_not_within() -> None:
    job = spec_pb2.Job(command="x", args=["$A-${{ scratch }}-${B:-b}", "$${{ attempt }}"])
    prepared = _launcher(A="$B").prepare(_node(job), "t", "/s/$A")
    assert prepared.argv == ["x", "$B-/s/$A-b", "${{ attempt }}"]


def test_a_script_takes_only_plain_words() -> None:
    job = spec_pb2.Job(shell="cd ${{ scratch }}; echo ${{ attempt }} $A")
    launcher = _launcher()
    assert launcher.prepare(_node(job), "t", "/s/1").argv[-1] == "cd /s/1; echo 2 $A"
    with pytest.raises(UnsafeScriptError, match="GATOR_SCRATCH"):
        launcher.prepare(_node(job), "t", "/s/my folder")


def test_a_folder_is_that_of_the_launch_unless_another_is_named() -> None:
    job = spec_pb2.Job(command="x")
    launcher = _launcher()
    assert launcher.prepare(_node(job), "t").cwd == "/home/me"
    job.settings.cwd = "sub/${{ attempt }}"
    assert launcher.prepare(_node(job), "t").cwd == "/home/me/sub/2"
    job.settings.cwd = "/abs"
    assert launcher.prepare(_node(job), "t").cwd == "/abs"
    assert launcher.prepare(_node(job), "t", "/scratch").cwd == "/scratch"


def test_what_looks_secret_is_masked() -> None:
    assert mask({"MY_TOKEN": "abc", "PATH": "/bin"}) == {"MY_TOKEN": "***", "PATH": "/bin"}
    assert all(map(is_secret, ("DB_PASSWD", "aws_secret_x", "SSH_KEY", "A_CREDENTIALS")))
    assert not is_secret("HOME")


def test_secrets_are_hidden_in_a_command_line() -> None:
    assert hide(["curl", "-u", "me:hunter22"], ["hunter22", ""]) == ["curl", "-u", "me:***"]
    job = spec_pb2.Job(command="x", args=["swordfish", "tttttttt"])
    job.settings.env.add(name="DB_PASSWORD", value="swordfish")
    prepared = _launcher().prepare(_node(job), "tttttttt")
    assert prepared.shown == ["x", "***", "***"]
    assert prepared.argv == ["x", "swordfish", "tttttttt"]


def test_secrets_are_hidden_at_any_depth_of_a_spec() -> None:
    variable = spec_pb2.EnvVariable(name="MY_TOKEN", value="hunter22")
    job = spec_pb2.Job(ident="x", settings=spec_pb2.Settings(env=[variable, spec_pb2.EnvVariable(name="A")]))
    inner = spec_pb2.JobGroup(jobs=[spec_pb2.Spec(job=job)])
    spec = spec_pb2.Spec(array=spec_pb2.JobArray(jobs=[spec_pb2.Spec(group=inner)]))
    assert mask_variables(spec) == ["hunter22"]
    assert "hunter22" not in str(spec)
    assert [v.name for v in spec.array.jobs[0].group.jobs[0].job.settings.env] == ["MY_TOKEN", "A"]


def test_a_secret_is_hidden_in_every_text_of_a_spec() -> None:
    job = spec_pb2.Job(shell="curl -u hunter22 x", args=["a", "b=hunter22"])
    group = spec_pb2.JobGroup(jobs=[spec_pb2.Spec(job=job)])
    hide_within(group, ["hunter22", "unheard-of"])
    assert group.jobs[0].job == spec_pb2.Job(shell="curl -u *** x", args=["a", "b=***"])
