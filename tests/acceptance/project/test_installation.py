"""The locked versions are those that the declared ranges allow, and an install takes them."""

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[3]
LOCK = (ROOT / "poetry.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = [
    *PROJECT["dependencies"],
    *(text for extra in PROJECT["optional-dependencies"].values() for text in extra),
]


def locked() -> dict[str, str]:
    """Returns the constraints that `tools/install` gives to pip, by name."""
    script = ROOT / "tools" / "constraints.py"
    done = subprocess.run([sys.executable, str(script)], check=True, capture_output=True, text=True)
    return dict(line.split("==") for line in done.stdout.splitlines())


@pytest.mark.parametrize("declared", sorted(set(DECLARED)))
def test_the_lock_file_has_a_version_within_each_declared_range(declared: str) -> None:
    requirement = Requirement(declared)
    version = locked()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(Version(version)), f"run `poetry lock`: it has {version}"


@pytest.mark.parametrize("declared", sorted(set(DECLARED)))
def test_the_installed_version_is_within_each_declared_range(declared: str) -> None:
    """In the environment of `--oldest` it is the lowest: no range begins below what can be installed."""
    requirement = Requirement(declared)
    installed = Version(metadata.version(requirement.name))
    assert requirement.specifier.contains(installed)
    if Path(sys.prefix).name == ".venv-oldest" and not requirement.name.startswith("types-"):
        assert installed in {Version(part.version) for part in requirement.specifier}


def test_each_locked_package_has_one_version() -> None:
    packages = tomllib.loads(LOCK)["package"]
    assert len(locked()) == len(packages) > len(set(DECLARED))


def test_the_lock_file_names_no_registry() -> None:
    assert "://" not in LOCK
    assert "[package.source]" not in LOCK


def test_an_unknown_option_of_the_install_script_is_refused() -> None:
    done = subprocess.run([str(ROOT / "tools" / "install"), "--nope"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "unknown option --nope" in done.stderr


def test_the_install_script_says_which_pythons_fit() -> None:
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": "/nowhere/python3"}
    done = subprocess.run(
        [str(ROOT / "tools" / "install"), "--oldest"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 2
    assert "no Python 3.11 to 3.13 found" in done.stderr
