"""Asks git once what a run starts from.

The rule: whatever git does, or does not, costs at most a second and is never an error.
"""

import os
import subprocess
from collections.abc import Mapping

from gator.v1 import query_pb2

SECONDS = 1.0
_COMMAND = (
    # Neither the index nor a watching process of the user's is touched.
    *("git", "--no-optional-locks", "-c", "core.fsmonitor=false"),
    *("status", "--porcelain=v2", "--branch", "--untracked-files=no"),
)


class GitQuestion:
    """A question to git that is asked when this is made, and answered behind other work."""

    def __init__(self, folder: str, environment: Mapping[str, str] = os.environ) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(
                _COMMAND,
                cwd=folder,
                env={**environment, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            # There is no git here, or nothing more can be started.
            return

    def answer(self) -> query_pb2.Git | None:
        """The state of the working tree; None where there is none, or git takes longer than a second."""
        if self._process is None:
            return None
        with self._process as process:
            try:
                out, _ = process.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                return None
        return state_in(out.decode(errors="replace")) if process.returncode == 0 else None


def state_in(text: str) -> query_pb2.Git | None:
    """What `git status --porcelain=v2 --branch` says, see git-status(1); None before the first commit."""
    git = query_pb2.Git()
    for line in text.splitlines():
        if line.startswith("# branch.oid "):
            git.commit = line.removeprefix("# branch.oid ")
        elif line.startswith("# branch.head "):
            git.branch = line.removeprefix("# branch.head ").replace("(detached)", "")
        elif not line.startswith("#"):
            git.dirty = True
            break
    return git if git.commit and not git.commit.startswith("(") else None
