"""What a job is started with."""

from collections.abc import Sequence

import pytest

from gator.core.attempt.start.environment import Launcher, UnsafeScriptError, describe_command
from gator.core.redact import hide, hide_within, is_secret, mask, mask_variables, secret_values
from gator.v1 import attach_pb2, spec_pb2


def _launcher(*, secrets: Sequence[str] = (), **environment: str) -> Launcher:
    return Launcher(
        environment,
        run="r1",
        folder="/runs/r1",
        launch_dir="/home/me",
        daemon="d1",
        parent="unix:/x",
        secrets=secrets,
    )


def _node(job: spec_pb2.Job, path: str = "top/x", attempt: int = 2) -> attach_pb2.LaunchNode:
    return attach_pb2.LaunchNode(path=path, attempt=attempt, cores=4, seed=9, job=job)


def test_variables_of_an_outer_run_do_not_reach_a_job() -> None:
    launcher = _launcher(
        GATOR_ARRAY_INDEX="5", GATOR_SCRATCH="/old", GATOR_RUN="outer", GATOR_PARAM_X="1", GATOR_OTHER="1"
    )
    env = launcher.prepare(_node(spec_pb2.Job(command="x")), "t").env
    assert "GATOR_ARRAY_INDEX" not in env
    assert "GATOR_SCRATCH" not in env
    assert "GATOR_PARAM_X" not in env
    assert (env["GATOR_RUN"], env["GATOR_OTHER"], env["GATOR_PARENT"]) == ("r1", "1", "unix:/x")


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


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWD",
        "aws_secret_x",
        "SSH_KEY",
        "A_CREDENTIALS",
        "TOKEN",
        "MY_PWD",
        "GH_PAT",
        "apikey",
        "X_AUTH",
    ],
)
def test_a_word_of_a_name_tells_a_secret(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "HOME",
        "PWD",
        "OLDPWD",
        "SSH_AUTH_SOCK",
        "KEY_FILE",
        "TOKEN_PATH",
        "PASS_DIR",
        "KEYBOARD",
        "MONKEY",
        "PATH",
    ],
)
def test_other_names_tell_none(name: str) -> None:
    assert not is_secret(name)


def test_secrets_of_an_environment_are_masked() -> None:
    environment = {"MY_TOKEN": "abc", "PATH": "/bin", "MINE": "x", "URL": "http://me:pw@h/"}
    masked = {"MY_TOKEN": "***", "PATH": "/bin", "MINE": "***", "URL": "http://me:***@h/"}
    assert mask(environment, ["MINE"]) == masked


def test_values_to_mask_elsewhere_are_long_and_neither_numbers_nor_paths() -> None:
    variables = {
        "A_TOKEN": "hunter2hunter2",
        "B_TOKEN": "short",
        "C_KEY": "123456789.5",
        "D_KEY": "/etc/passwd",
        "E": "named-in-the-spec",
        "F_PASSWORD": "with'quote\nand line",
        "G": "redis://:in-a-url-1@host",
        "HOME": "/home/user",
    }
    values = secret_values(variables.items(), ["E"], lambda path: path == "/etc/passwd")
    assert values == sorted(
        {
            "hunter2hunter2",
            "named-in-the-spec",
            "with'quote\nand line",
            "with'quote\\nand line",
            "in-a-url-1",
        },
        key=lambda value: (-len(value), value),
    )


def test_secrets_are_hidden_in_a_command_line() -> None:
    assert hide(["curl", "-u", "me:hunter22"], ["hunter22", ""]) == ["curl", "-u", "me:***"]
    assert hide(["x", "git+https://me:hunter2@h/p"], []) == ["x", "git+https://me:***@h/p"]
    job = spec_pb2.Job(command="x", args=["swordfish", "tttttttt", "$MINE"])
    job.settings.env.add(name="DB_PASSWORD", value="swordfish")
    job.settings.cwd = "/tmp/swordfish"
    launcher = _launcher(secrets=["MINE"], MINE="of-the-launch")
    prepared = launcher.prepare(_node(job), "tttttttt")
    assert prepared.shown == ["x", "***", "***", "***"]
    assert prepared.argv == ["x", "swordfish", "tttttttt", "of-the-launch"]
    assert (prepared.cwd, prepared.shown_cwd) == ("/tmp/swordfish", "/tmp/***")
    sentence = "no such program in PATH: swordfish of-the-launch"
    assert launcher.hide(sentence, _node(job)) == "no such program in PATH: *** ***"


def test_jobs_get_a_file_with_the_token_for_a_hub_and_its_value_is_a_secret() -> None:
    job = spec_pb2.Job(command="echo", args=["$GATOR_HUB_TOKEN", "abcdef0123"])
    prepared = _launcher(GATOR_HUB_TOKEN="abcdef0123").prepare(_node(job), "t")
    assert "GATOR_HUB_TOKEN" not in prepared.env
    assert prepared.env["GATOR_HUB_TOKEN_FILE"] == "/runs/r1/hub.token"
    assert prepared.shown == ["echo", "", "***"]
    assert "GATOR_HUB_TOKEN_FILE" not in _launcher().prepare(_node(job), "t").env


def test_a_command_is_described_as_it_is_written() -> None:
    job = spec_pb2.Job(command="echo", args=["hey", "$X"])
    assert describe_command(job) == ("echo hey '$X'", 0)
    job.settings.setup = "module load x"
    assert describe_command(job) == ("echo hey '$X'", 4)
    assert describe_command(spec_pb2.Job(shell="\necho 1\necho 2\n")) == ("shell script of 2 lines", None)
    assert describe_command(spec_pb2.Job(shell="echo 1"))[0] == "shell script of 1 line"


def test_secrets_are_hidden_at_any_depth_of_a_spec() -> None:
    variable = spec_pb2.EnvVariable(name="MY_TOKEN", value="hunter22")
    job = spec_pb2.Job(ident="x", settings=spec_pb2.Settings(env=[variable, spec_pb2.EnvVariable(name="A")]))
    inner = spec_pb2.JobGroup(jobs=[spec_pb2.Spec(job=job)])
    spec = spec_pb2.Spec(array=spec_pb2.JobArray(jobs=[spec_pb2.Spec(group=inner)]))
    assert mask_variables(spec) == [("MY_TOKEN", "hunter22")]
    assert "hunter22" not in str(spec)
    assert [v.name for v in spec.array.jobs[0].group.jobs[0].job.settings.env] == ["MY_TOKEN", "A"]


def test_a_secret_is_hidden_in_every_text_of_a_spec() -> None:
    job = spec_pb2.Job(shell="curl -u hunter22 x", args=["a", "b=hunter22"])
    group = spec_pb2.JobGroup(jobs=[spec_pb2.Spec(job=job)])
    hide_within(group, ["hunter22", "unheard-of"])
    assert group.jobs[0].job == spec_pb2.Job(shell="curl -u *** x", args=["a", "b=***"])
