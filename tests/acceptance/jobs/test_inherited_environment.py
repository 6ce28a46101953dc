"""What jobs see of the environment that gator was called in."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.support import Gator

OUTER = """\
all:
\t+{gator} run spec.yaml
"""
INNER = """\
all: x y
x y:
\t@echo made $@
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("options", [["-j4"], ["-j4", "-k"], []])
def test_make_within_a_job_of_a_gator_within_make_says_nothing_of_a_jobserver(
    gator: Gator, options: list[str]
) -> None:
    command = f"{sys.executable} -m gator"
    (gator.root / "Makefile").write_text(OUTER.format(gator=command))
    (gator.root / "inner.mk").write_text(INNER)
    (gator.root / "spec.yaml").write_text("!Job {ident: sub, command: make, args: [-f, inner.mk, all]}")
    done = subprocess.run(
        ["make", *options], cwd=gator.root, env=gator.env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "made x" in done.stdout
    assert "jobserver" not in done.stdout + done.stderr


def test_a_gator_called_by_its_path_is_found_by_its_jobs(gator: Gator) -> None:
    program = Path(sys.executable).parent / "gator"
    spec = gator.spec(
        "!Job {ident: a, shell: 'command -v gator; gator metric cov 87.5; "
        '${{ gator.python }} -c "import gator"\'}'
    )
    environment = {**gator.env, "PATH": "/usr/bin:/bin"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [program, "run", spec], cwd=gator.root, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(program) in done.stdout
