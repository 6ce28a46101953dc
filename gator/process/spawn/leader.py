"""Starts the leader of a job, with its own session, default signals and two pipes.

Invariant: only the main thread starts programs. Meanwhile the working directory of the whole process is that
of the job, so all other code of a daemon uses absolute paths.
"""

import errno
import fcntl
import os
import resource
import shutil
import signal
import stat
import struct
import termios
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from gator.process.ownership.birthmark import BirthmarkLimit
from gator.process.spawn.errors import SpawnError, refuse_directory, refuse_program
from gator.process.spawn.programs import Programs

_ROWS, _COLUMNS = 24, 80
_SPARE_DESCRIPTORS = 64
"""Number of descriptors reserved for the process itself; half of all if there are few."""
_SIGNALS = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


class SpawnRequest(Struct, frozen=True):
    """A process to start.

    `argv[0]` without a slash is looked up in the PATH of `env`; `cwd` is absolute. `nice` is added to the
    niceness of this process. `ulimit` maps names of setrlimit(2) in lower case to soft and hard limits
    in the units of that page; -1 means unlimited. `birthmark` is the number inherited by the
    process and its descendants, 0 for none.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    merge_stderr: bool = False
    tty: bool = False
    nice: int = 0
    ulimit: Mapping[str, int] = field(default_factory=dict[str, int])
    birthmark: int = 0
    inherited: Mapping[int, int] = field(default_factory=dict[int, int])
    """Further descriptors of the process: its number, and that of this process. Numbers begin at 3."""


class Process(Struct, frozen=True):
    """A started leader, whose pid is also its session and group; the descriptors are the caller's to close.

    `stderr_fd` is None when both streams share one pipe.
    """

    pid: int
    stdout_fd: int
    stderr_fd: int | None


class Spawner:
    """Starts commands; remembers the places of programs and the directory of this process."""

    __slots__ = ("_birthmark_limit", "_home", "_programs")

    def __init__(self) -> None:
        self._programs = Programs()
        self._home: int | None = None
        self._birthmark_limit = BirthmarkLimit()

    def spawn(self, request: SpawnRequest) -> Process:
        """Starts a command; raises SpawnError, after which nothing is left open."""
        if not request.argv:
            raise SpawnError(errno.ENOENT, "the command is empty: name a program")
        ours: list[int] = []
        theirs: list[int] = []
        try:
            if self._home is None:
                self._home = _open_home()
            return self._start(request, ours, theirs)
        except OSError as error:
            _close(ours)
            raise refuse_program(request.argv[0], request.argv, request.env, error) from error
        except SpawnError:
            _close(ours)
            raise
        finally:
            _close(theirs)

    def close(self) -> None:
        """Closes the descriptor of the own directory; the spawner may be used again."""
        if self._home is not None:
            os.close(self._home)
            self._home = None

    def _start(self, request: SpawnRequest, ours: list[int], theirs: list[int]) -> Process:
        actions: _Actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
        actions.append(_open_terminal(ours, theirs) if request.tty else _open_pipe(1, ours, theirs))
        actions.append((os.POSIX_SPAWN_DUP2, 1, 2) if request.merge_stderr else _open_pipe(2, ours, theirs))
        for number, fd in request.inherited.items():
            actions.append((os.POSIX_SPAWN_DUP2, fd, number))
        pid = self._enter_and_execute(request, actions)
        return Process(pid, ours[0], None if request.merge_stderr else ours[1])

    def _enter_and_execute(self, request: SpawnRequest, actions: "_Actions") -> int:
        """Starts the program from the job's directory; raises SpawnError, or OSError on leaving it."""
        assert self._home is not None
        is_set = request.birthmark != 0 and self._birthmark_limit.set_number(request.birthmark)
        try:
            return self._execute_there(request, actions)
        finally:
            if is_set:
                self._birthmark_limit.restore()

    def _execute_there(self, request: SpawnRequest, actions: "_Actions") -> int:
        assert self._home is not None
        try:
            os.chdir(request.cwd)
        except (OSError, ValueError) as error:
            cause = error if isinstance(error, OSError) else OSError(errno.EINVAL, str(error))
            raise refuse_directory(request.cwd, cause) from error
        try:
            return self._execute(request, actions)
        finally:
            os.fchdir(self._home)

    def _execute(self, request: SpawnRequest, actions: "_Actions") -> int:
        argv = list(request.argv)
        search = request.env.get("PATH")
        path, remembered = self._programs.find(argv[0], search)
        try:
            if request.nice or request.ulimit:
                _check_executable(path)
                path, argv = _wrap(path, request)
            return _posix_spawn(path, argv, request.env, actions)
        except OSError as error:
            if error.errno == errno.ENOENT and remembered:
                self._programs.forget(argv[0], search)
                return self._execute(request, actions)
            raise refuse_program(path, argv, request.env, error) from error
        except ValueError as error:
            # A NUL, a lone surrogate, or "=" in the name of a variable.
            raise SpawnError(
                errno.EINVAL, f"arguments or environment cannot be passed on: {error}"
            ) from error


def _open_home() -> int:
    """Returns a descriptor of the current directory, or of `/` where this user may not enter it."""
    try:
        return os.open(".", os.O_PATH | os.O_DIRECTORY)
    except PermissionError:
        return os.open("/", os.O_PATH | os.O_DIRECTORY)


_Action = tuple[int, int, str, int, int] | tuple[int, int, int]
_Actions = list[_Action]


def _open_pipe(number: int, ours: list[int], theirs: list[int]) -> _Action:
    """Opens a pipe whose write end becomes descriptor `number` of the job."""
    read_fd, write_fd = os.pipe()
    ours.append(read_fd)
    theirs.append(write_fd)
    _check_spare_descriptors(write_fd)
    return (os.POSIX_SPAWN_DUP2, write_fd, number)


def _open_terminal(ours: list[int], theirs: list[int]) -> _Action:
    """Opens a pseudo-terminal that becomes the job's stdout and its controlling terminal.

    The job opens it by its path: the first terminal that the leader of a session opens controls it.
    Line ends are not translated, so that what is stored is what was written.
    """
    master, slave = os.openpty()
    ours.append(master)
    theirs.append(slave)
    _check_spare_descriptors(slave)
    modes = termios.tcgetattr(slave)
    modes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, modes)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    return (os.POSIX_SPAWN_OPEN, 1, os.ttyname(slave), os.O_RDWR, 0)


def _check_spare_descriptors(newest: int) -> None:
    """Raises OSError if the newest descriptor is one of those that are reserved."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and newest >= limit - min(_SPARE_DESCRIPTORS, limit // 2):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def _close(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)


def _posix_spawn(path: str, argv: list[str], env: Mapping[str, str], actions: _Actions) -> int:
    """Starts a program, or, as shells do, /bin/sh for a script without a first line that names one."""
    try:
        return os.posix_spawn(
            path, argv, env, file_actions=actions, setsid=True, setsigmask=(), setsigdef=_SIGNALS
        )
    except OSError as error:
        if error.errno != errno.ENOEXEC or _is_binary(path):
            raise
    argv = ["/bin/sh", "--", path, *argv[1:]]
    return os.posix_spawn(
        "/bin/sh", argv, env, file_actions=actions, setsid=True, setsigmask=(), setsigdef=_SIGNALS
    )


def _is_binary(path: str) -> bool:
    """Returns whether a file is not text, so that a shell could not run it."""
    with open(path, "rb") as file:  # noqa: PTH123 - relative to the job's directory
        return b"\0" in file.read(256).split(b"\n", 1)[0]


def _check_executable(path: str) -> None:
    """Raises the OSError that exec would raise: nice and prlimit would hide its reason."""
    mode = os.stat(path).st_mode  # noqa: PTH116 - relative to the job's directory
    if not stat.S_ISREG(mode) or not os.access(path, os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _wrap(path: str, request: SpawnRequest) -> tuple[str, list[str]]:
    """Returns the command with prlimit and nice before it: posix_spawn can set neither."""
    argv = [path, *request.argv[1:]]
    if request.nice:
        argv = [_find_tool("nice", "nice:"), "-n", str(request.nice), "--", *argv]
    if request.ulimit:
        limits = [_limit(name, value) for name, value in sorted(request.ulimit.items())]
        argv = [_find_tool("prlimit", "ulimit:"), *limits, "--", *argv]
    return argv[0], argv


def _find_tool(name: str, key: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise SpawnError(errno.ENOENT, f"{key} needs the program {name}, which is not installed here")
    return path


def _limit(name: str, value: int) -> str:
    """Returns the option of prlimit(1). Raises SpawnError for a limit that is unknown or too high."""
    number = getattr(resource, f"RLIMIT_{name.upper()}", None)
    if number is None:
        raise SpawnError(errno.EINVAL, f"unknown limit '{name}' in ulimit: use a name of setrlimit(2)")
    _, hard = resource.getrlimit(number)
    unlimited = value == resource.RLIM_INFINITY
    if os.geteuid() != 0 and hard != resource.RLIM_INFINITY and (unlimited or value > hard):
        requested = "unlimited" if unlimited else value
        raise SpawnError(errno.EPERM, f"ulimit: {name} cannot be {requested}: the hard limit here is {hard}")
    text = "unlimited" if unlimited else str(value)
    return f"--{name}={text}:{text}"


_default = Spawner()


def spawn(request: SpawnRequest) -> Process:
    """Starts a command with the spawner of this process; raises SpawnError."""
    return _default.spawn(request)
