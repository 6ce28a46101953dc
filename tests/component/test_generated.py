"""The generated code is in step with the schema."""

import filecmp
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_generated_code_is_in_step_with_the_protos(tmp_path: Path):
    buf = Path(sys.executable).with_name("buf")
    if not buf.exists():
        pytest.skip("buf is not installed: pip install '.[dev]'")
    for name in ("protos", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("buf.yaml", "buf.gen.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    environment = {"PATH": f"{buf.parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
    subprocess.run([str(buf), "generate"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    fresh, kept = tmp_path / "gator/v1", ROOT / "gator/v1"
    names = sorted(path.name for path in fresh.iterdir())
    there = {path.name for path in kept.iterdir() if path.is_file()} - {"__init__.py"}
    assert names == sorted(there)
    _, different, missing = filecmp.cmpfiles(fresh, kept, names, shallow=False)
    assert not different, f"run `poe generate`: {different} differ"
    assert not missing
