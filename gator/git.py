"""Queries git once for the commit from which a run starts.

Invariant: git never delays a run, and no failure of git is an error.
"""

import asyncio
import contextlib
import os
import select
import shutil
import signal
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gator.process.host import close_inherited
from gator.process.ownership.select import register_helper, unregister_helper

if TYPE_CHECKING:
    from gator.v1 import query_pb2

SECONDS = 1.0
_KILL_MILLIS = 100
"""Maximum time to wait for the end of a killed git, which may hang in the kernel."""
_MAX_BYTES = 65_536
_COMMAND = (
    # Neither the index nor a watching process of the user's is touched.
    *("--no-optional-locks", "-c", "core.fsmonitor=false"),
    *("status", "--porcelain=v2", "--branch", "--untracked-files=no"),
)


class GitQuestion:
    """A question to git that is asked when this is made, and answered behind other work."""

    def __init__(self, folder: str, environment: Mapping[str, str] = os.environ) -> None:
        self.pidfd = -1
        """Readable when git has ended; -1 where there is no git, or nothing more can be started."""
        program = shutil.which("git", path=environment.get("PATH", os.defpath))
        if program is None:
            return
        with contextlib.suppress(OSError):
            # A file takes whatever git has to say, so that it never waits for a reader.
            self._out = os.memfd_create("git")
            try:
                self._pid = _spawn(["git", "-C", folder, *_COMMAND], program, environment, self._out)
            except OSError:
                os.close(self._out)
                raise
            # It does not belong to a job, whatever else is a child of this process.
            register_helper(self._pid)
            self.pidfd = os.pidfd_open(self._pid)

    def answer(self, seconds: float = SECONDS) -> "query_pb2.Git | None":
        """Returns the state of the working tree; None without one or if git takes too long. Call it once."""
        if self.pidfd < 0:
            return None
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        has_ended = bool(poll.poll(seconds * 1000))
        if not has_ended:
            # What it has started itself is in its group.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)
            poll.poll(_KILL_MILLIS)
        # Where there is a reaper it may have been there first, and has unregistered git.
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(self._pid, os.WNOHANG)[0]:
                unregister_helper(self._pid)
        out = os.pread(self._out, _MAX_BYTES, 0)
        os.close(self._out)
        os.close(self.pidfd)
        self.pidfd = -1
        return state_in(out.decode(errors="replace")) if has_ended else None


@contextlib.contextmanager
def asking_git(folder: str) -> Generator[GitQuestion]:
    """Queries git while a run is prepared, and gives up afterwards if there is no answer."""
    # What the run was born with is not for git to keep open.
    close_inherited()
    question = GitQuestion(folder)
    try:
        yield question
    finally:
        question.answer(0)


class GitNote:
    """Stores the answer in the folder of a run once it arrives; needs a running event loop."""

    def __init__(self, question: GitQuestion, folder: Path) -> None:
        self._question, self._folder = question, folder
        self._loop = asyncio.get_running_loop()
        if question.pidfd >= 0:
            self._loop.add_reader(question.pidfd, self.close)

    def close(self) -> None:
        """Waits no longer for git."""
        if self._question.pidfd < 0:
            return
        self._loop.remove_reader(self._question.pidfd)
        git = self._question.answer(0)
        if git is not None:
            from gator.store.run.description import write_git

            # Where nothing can be written the run itself says so.
            with contextlib.suppress(OSError):
                write_git(self._folder, git)


def _spawn(command: list[str], program: str, environment: Mapping[str, str], out: int) -> int:
    return os.posix_spawn(
        program,
        command,
        {**environment, "LC_ALL": "C"},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, out, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setpgroup=0,
        setsigmask=(),
        setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGHUP, signal.SIGTERM),
    )


def state_in(text: str) -> "query_pb2.Git | None":
    """Returns the parsed output of `git status`, see git-status(1); None before the first commit."""
    # Git is asked before there is anything else to load this for.
    from gator.v1 import query_pb2

    git = query_pb2.Git()
    for line in text.splitlines():
        if line.startswith("# branch.oid "):
            git.commit = line.removeprefix("# branch.oid ")
        elif line.startswith("# branch.head "):
            branch = line.removeprefix("# branch.head ")
            git.branch = "" if branch == "(detached)" else branch
        elif not line.startswith("#"):
            git.dirty = True
            break
    return git if git.commit and not git.commit.startswith("(") else None
