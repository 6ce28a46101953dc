"""Locales and outputs that are not UTF-8."""

import os
import subprocess
import sys

import pytest

from tests.acceptance.support import Gator

FOREIGN = """\
!JobGroup
ident: top
jobs:
- !Job {ident: a, shell: "echo → >&2; exit 1"}
- !Job {ident: b, command: printf, args: ["%s", "→ü"]}
- !Job {ident: c, shell: 'printf %s "$RAW"'}
- !Job {ident: d, shell: 'printf %s "${LC_CTYPE-unset}"'}
"""
ASCII = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""Python takes ASCII for arguments, variables and file names here."""


def raw(gator: Gator, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "gator", *arguments]
    return subprocess.run(command, cwd=gator.root, env={**gator.env, **env}, capture_output=True, timeout=60)


@pytest.mark.parametrize("placement", ["inline", "daemons"])
@pytest.mark.parametrize("locale", [ASCII, {}], ids=["ascii", "usual"])
def test_arguments_and_variables_reach_jobs_byte_for_byte_in_every_locale(
    gator: Gator, locale: dict[str, str], placement: str
) -> None:
    environment = {**locale, "RAW": os.fsdecode(b"\xe9\xff")}
    done = raw(gator, "run", str(gator.spec(FOREIGN)), "--placement", placement, env=environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert b"3 passed, 1 failed" in done.stdout
    assert raw(gator, "logs", "b", env=locale).stdout == "→ü".encode()
    assert raw(gator, "logs", "c", env=locale).stdout == b"\xe9\xff"


@pytest.mark.parametrize(
    "command", [["failures"], ["logs", "-l", "a"], ["grep", "."], ["tree"], ["show", "a"], ["status"]]
)
def test_reading_commands_escape_what_their_output_cannot_encode(gator: Gator, command: list[str]) -> None:
    assert raw(gator, "run", str(gator.spec(FOREIGN)), env={"RAW": ""}).returncode == 1
    done = raw(gator, *command, env={"PYTHONIOENCODING": "latin-1"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert "→".encode() not in done.stdout


def test_jobs_do_not_see_the_variable_that_python_sets_in_the_c_locale(gator: Gator) -> None:
    environment = {name: value for name, value in gator.env.items() if not name.startswith("LC_")}
    environment |= {"LANG": "C", "RAW": ""}
    for placement in ("inline", "daemons"):
        command = [sys.executable, "-m", "gator", "run", str(gator.spec(FOREIGN)), "--placement", placement]
        done = subprocess.run(command, cwd=gator.root, env=environment, capture_output=True, timeout=60)
        assert done.returncode == 1, done.stderr
        assert raw(gator, "logs", "d", env={}).stdout == b"unset"
