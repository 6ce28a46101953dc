"""Prints the versions in poetry.lock as constraints for pip, one `name==version` a line.

Invariant: the output names packages and versions only, no registry.
"""

import sys
import tomllib
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "poetry.lock"


def constraints(lock: str) -> list[str]:
    """Returns the constraints in the text of a lock file, sorted by name."""
    packages = tomllib.loads(lock)["package"]
    return sorted(f"{package['name']}=={package['version']}" for package in packages)


if __name__ == "__main__":
    sys.stdout.write("\n".join(constraints(LOCK.read_text())) + "\n")
