"""gator.toml: the files of a project and of a user give defaults to runs."""

import json
import os
import re
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.acceptance.support import Done, Gator

COMPLAINS = "!Job {ident: noisy, shell: 'echo oops >&2'}\n"


@pytest.fixture
def user(gator: Gator, tmp_path: Path) -> Path:
    """The gator.toml of the user."""
    folder = tmp_path / "config" / "gator"
    folder.mkdir(parents=True)
    gator.env["XDG_CONFIG_HOME"] = str(folder.parent)
    (gator.root / ".git").mkdir()
    return folder / "gator.toml"


def both(done: Done) -> str:
    done.expect(0)
    return done.out + done.err


def test_the_spec_precedes_the_project_which_precedes_the_user(gator: Gator, user: Path) -> None:
    spec = gator.spec(COMPLAINS)
    gator("run", spec).expect(0)
    user.write_text('stderr = "error"\n')
    gator("run", spec).expect(1)
    (gator.root / "gator.toml").write_text('stderr = "info"\n')
    gator("run", spec).expect(0)
    # The option of the original sets `stderr: error` only where nothing else is said.
    gator("run", "--limit-error", "0", spec).expect(0)
    gator("run", gator.spec(COMPLAINS.replace("{", "{stderr: error, "))).expect(1)


def test_the_file_of_the_project_may_lie_above_the_spec_but_not_above_the_work_tree(
    gator: Gator, user: Path
) -> None:
    below = gator.root / "sub" / "tree"
    below.mkdir(parents=True)
    spec = below / "spec.yaml"
    spec.write_text(COMPLAINS)
    (gator.root / "gator.toml").write_text('stderr = "error"\n')
    gator("run", str(spec)).expect(1)
    (gator.root / "sub" / ".git").write_text("gitdir: elsewhere\n")
    gator("run", str(spec)).expect(0)


def test_the_environment_and_the_command_line_precede_the_files(gator: Gator, user: Path) -> None:
    spec = gator.spec("!Job {ident: a, command: 'true'}\n")
    user.write_text('[run]\nhub = "127.0.0.1:1"\nhub-wait = "0s"\ntext-logs = "all"\n')
    assert "127.0.0.1:1" in both(gator("run", spec))
    assert "127.0.0.1:1" not in both(gator("run", "--hub", "none", spec))
    gator.env["GATOR_HUB"] = "none"
    assert "127.0.0.1:1" not in both(gator("run", spec))


def test_a_run_records_the_values_and_masks_secrets(gator: Gator, user: Path) -> None:
    (gator.root / "gator.toml").write_text(
        'timeout = "1h"\nsecrets = ["LICENSE_SERVER"]\n'
        '[env]\nLICENSE_SERVER = "17000@cheese-cellar"\n[run]\ninterval = "2s"\n'
    )
    spec = gator.spec("!Job {ident: a, shell: 'test -n \"$LICENSE_SERVER\"'}\n")
    gator("run", spec).expect(0)
    run = json.loads(gator("runs", "--json").expect(0).out.splitlines()[0])
    kept = {value["key"]: value["value"] for value in run["config"]}
    assert kept["timeout"] == '"1h"'
    assert kept["run.interval"] == '"2s"'
    assert "cheese" not in str(run)
    assert "***" in kept["env"]


def test_problems_are_reported_with_their_place(gator: Gator, user: Path) -> None:
    spec = gator.spec("!Job {ident: a, command: 'true'}\n")
    project = gator.root / "gator.toml"
    project.write_text('tmeout = "1h"\n')
    for command in ("run", "plan"):
        assert f"{project}:1:1: 'tmeout' is not a key" in gator(command, spec).expect(2).err
    assert f"{project}:1:1: 'tmeout' is not a key" in gator("check", spec).expect(2).out
    project.write_text('[run]\ntag = "x"\ntxt-logs = "all"\njobs = "many"\n')
    said = gator("run", spec).expect(2).err
    assert f"{project}:2:1: 'tag' is not a default of [run]: use it on the command line" in said
    assert f"{project}:3:1: unknown option 'txt-logs' of gator run: did you mean 'text-logs'?" in said
    project.write_text('[run]\njobs = "many"\ntext-logs = "some"\n')
    said = gator("plan", spec).expect(2).err
    assert f"{project}:2:1: jobs: write a whole number from 1 to 1,000,000" in said
    assert f"{project}:3:1: text-logs: write one of failed, all, none" in said
    project.write_text(
        '[run]\nlog-cap = "lots"\nlabel = ["a=b", "c"]\ninterval = "0"\nhub-wait = "x"\nmemory = "1XB"\n'
        'scheduler = "nope"\nsched-arg = "x"\nhub = "a b:c"\njobs = 99999999999999999999\n'
    )
    for done in (gator("run", spec).expect(2).err, gator("check", spec).expect(2).out):
        for line, name in enumerate(
            ("log-cap", "label", "interval", "hub-wait", "memory", "scheduler", "sched-arg", "hub", "jobs"), 2
        ):
            assert f"{project}:{line}:1: {name}: " in done


def test_a_variable_names_the_file_of_the_user_or_none(gator: Gator, user: Path, tmp_path: Path) -> None:
    spec = gator.spec(COMPLAINS)
    (gator.root / "gator.toml").write_text('stderr = "error"\n')
    gator.env["GATOR_CONFIG"] = "none"
    gator("run", spec).expect(0)
    gator.env["GATOR_CONFIG"] = str(tmp_path / "missing.toml")
    assert "GATOR_CONFIG=" in gator("run", spec).expect(2).err
    (gator.root / "gator.toml").unlink()
    (tmp_path / "other.toml").write_text('stderr = "error"\n')
    gator.env["GATOR_CONFIG"] = str(tmp_path / "other.toml")
    gator("run", spec).expect(1)


def test_the_causes_of_the_project_precede_those_of_the_user(gator: Gator, user: Path) -> None:
    rule = '[[causes]]\nname = "{}"\nmatch = "grant"\n'
    user.write_text(rule.format("of the user"))
    (gator.root / "gator.toml").write_text(rule.format("of the project"))
    gator("run", gator.spec("!Job {ident: a, shell: 'echo error: no grant; exit 1'}\n")).expect(1)
    assert "cause:  of the project" in gator("failures").expect(0).out


def test_a_spec_from_a_pipe_belongs_to_the_project_of_the_launch_folder(gator: Gator, user: Path) -> None:
    (gator.root / "gator.toml").write_text('stderr = "error"\n')
    pipe = gator.root / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(COMPLAINS,), daemon=True)
    writer.start()
    gator("run", str(pipe)).expect(1)
    writer.join()


def test_a_file_that_cannot_be_read_is_an_error(gator: Gator, user: Path) -> None:
    spec = gator.spec(COMPLAINS)
    project = gator.root / "gator.toml"
    project.symlink_to("gator.toml")
    assert f"cannot read {project}: " in gator("run", spec).expect(2).err
    project.unlink()
    os.mkfifo(project)
    assert "it is not a regular file" in gator("run", spec).expect(2).err
    project.unlink()
    for text in (f"timeout = {'1' * 5000}\n", f"timeout = 0x{'f' * 5000}\n", f"{'.'.join('a' * 3000)} = 1\n"):
        project.write_text(text)
        assert f"{project}:1:1: " in gator("run", spec).expect(2).err
    project.unlink()
    gator.env["GATOR_CONFIG"] = "/tmp/" + "a" * 5000
    assert "file name too long" in gator("run", spec).expect(2).err


def test_a_run_inside_a_job_finds_the_file_of_the_user(gator: Gator, user: Path) -> None:
    inner = gator.root / "inner.yaml"
    inner.write_text(COMPLAINS)
    (gator.root / "mine.toml").write_text('stderr = "error"\n')
    gator.env["GATOR_CONFIG"] = "mine.toml"
    spec = gator.spec(
        f"!Job {{ident: outer, scratch: true, shell: 'gator run --tracking x {inner} || echo failed'}}\n"
    )
    gator("run", spec).expect(0)
    assert gator.output("outer").endswith(b"failed\n")


def test_licenses_of_a_file_are_pools(gator: Gator, user: Path) -> None:
    (gator.root / "gator.toml").write_text("[licenses]\nToolA = 0\n")
    spec = gator.spec(
        "!JobGroup\nident: g\njobs:\n- !Job {ident: a, command: 'true', resources: [!License ToolA]}\n"
    )
    assert "ToolA" in gator("check", spec).expect(2).out


@pytest.mark.parametrize("command", ["run", "check", "plan"])
def test_problems_of_all_files_are_reported_together(gator: Gator, user: Path, command: str) -> None:
    spec = gator.spec("!JobGroup\nident: top\njobs:\n- !Job {ident: a, shel: x}\n")
    user.write_text("timeout = 'soon'\n")
    (gator.root / "gator.toml").write_text(
        'parsers = ["uvm",\n  "unknown"]\n[run]\nnonsense = 1\njobs = "many"\n'
    )
    done = gator(command, spec).expect(2)
    problems = [line for line in (done.out + done.err).splitlines() if re.search(r":\d+:\d+: ", line)]
    places = [re.findall(r"([\w.]+:\d+:\d+): ", line)[0] for line in problems]
    assert sorted(places) == sorted(
        ["gator.toml:1:1", "gator.toml:2:3", "gator.toml:4:1", "gator.toml:5:1", "spec.yaml:4:19"]
    )


def test_reading_commands_use_the_hub_of_the_files(gator: Gator, user: Path) -> None:
    project = gator.root / "gator.toml"
    user.write_text('[run]\nhub = "127.0.0.1:2"\n')

    def asked(*args: str) -> str:
        return gator("failures", "-r", "hub:night", *args).expect(2).err

    assert "no hub listens at 127.0.0.1:2" in asked()
    project.write_text('[run]\nhub = "127.0.0.1:1"\n')
    assert "no hub listens at 127.0.0.1:1" in asked()
    assert "no hub listens at 127.0.0.1:3" in asked("--hub", "127.0.0.1:3")
    gator.env["GATOR_HUB"] = "127.0.0.1:4"
    assert "no hub listens at 127.0.0.1:4" in asked()
    del gator.env["GATOR_HUB"]
    project.write_text("[run\n")
    said = asked()
    assert f"gator: the hub of a gator.toml was left out: {project}: " in said
    assert "no hub listens at 127.0.0.1:2" in said


def test_reading_commands_use_the_certificates_of_the_files(gator: Gator, user: Path) -> None:
    (gator.root / "gator.toml").write_text('[run]\nhub = "127.0.0.1:1"\nhub-ca = "no/ca.pem"\n')
    said = gator("runs", "--hub", "127.0.0.1:1").expect(2).err
    assert f"cannot read {gator.root}/no/ca.pem" in said


@contextmanager
def listening_hub() -> Generator[tuple[str, list[str]]]:
    """A server that keeps the tokens it is sent, and its address."""
    tokens: list[str] = []

    class Keep(grpc.ServerInterceptor):
        def intercept_service(self, continuation: Any, handler_call_details: grpc.HandlerCallDetails) -> Any:
            metadata = handler_call_details.invocation_metadata
            tokens.extend(str(value) for key, value in metadata if key == "authorization")
            return continuation(handler_call_details)

    server = grpc.server(ThreadPoolExecutor(1), interceptors=[Keep()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", tokens
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize("command", ["runs", "failures", "status"])
def test_a_hub_that_only_a_project_names_does_not_get_the_token_of_the_environment(
    gator: Gator, user: Path, command: str
) -> None:
    ask = [command, "-r", "hub:night"]
    gator.env["GATOR_HUB_TOKEN"] = "swiss-cheese"
    project = gator.root / "gator.toml"
    with listening_hub() as (address, tokens):
        project.write_text(f'[run]\nhub = "{address}"\n')
        gator(*ask).expect(2)
        assert "swiss-cheese" not in str(tokens)
        user.write_text(f'[run]\nhub = "{address}"\n')
        gator(*ask).expect(2)
        assert tokens.pop() == "Bearer swiss-cheese"
    project.write_text('[run]\nhub = "hub.example.org"\n')
    said = gator(*ask).expect(2).err
    assert f"only {project} names it: name it with --hub, GATOR_HUB or your own gator.toml" in said
