"""Runs a job in a container of podman or apptainer.

podman starts containers under a supervisor of its own, which survives the death of podman. They end for sure
all the same: their processes carry the marks and the birthmark of the attempt, by which Gator finds them, and
afterwards the container is removed by its id, or by its label if it has not written its id.
"""

import os
import resource
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

from gator.runners.job import RunnerCommand, RunnerError, RunnerJob

TOOLS: Final = ("podman", "apptainer")
_OPTIONS: Final = frozenset(("image", "mounts", "tool", "options"))
_PODMAN_LIMITS: Final = ("nofile", "nproc")
"""Limits that podman sets itself, to values that may be above those of the user."""
_REMOVE: Final = """\
for id in $(cat "$2" 2>/dev/null) $("$1" ps --all --quiet --no-trunc --filter "label=$3"); do
  "$1" rm --force --time 0 "$id" >/dev/null
done
rm -rf "$4"
"""


def container(job: RunnerJob) -> RunnerCommand:
    """Returns the command that runs a job in a container. Raises RunnerError."""
    unknown = sorted(job.options.keys() - _OPTIONS)
    if unknown:
        raise RunnerError(
            f"unknown option '{unknown[0]}' of the runner container: use image, mounts, tool, options"
        )
    image = job.options.get("image")
    if not isinstance(image, str) or not image:
        raise RunnerError("the runner container requires an image: write {container: {image: IMAGE}}")
    tool = _tool(job)
    mounts = list(_mounts(job))
    further = _texts(job, "options")
    if Path(tool).name == "apptainer":
        return _apptainer(job, tool, image, mounts, further)
    return _podman(job, tool, image, mounts, further)


def _tool(job: RunnerJob) -> str:
    wanted = job.options.get("tool")
    names = TOOLS if wanted is None else (str(wanted),)
    for name in names:
        if program := shutil.which(name, path=job.env.get("PATH")):
            return program
    if wanted is not None:
        raise RunnerError(
            f"the runner container needs {wanted}, which is not in the PATH of {os.uname().nodename}"
        )
    raise RunnerError(
        "the runner container needs podman or apptainer, and neither is in the PATH of "
        f"{os.uname().nodename}: "
        "install one, or name another program with `tool:`"
    )


def _mounts(job: RunnerJob) -> Iterator[str]:
    """Yields the mounts: the working directory, the folder of the run, and those of the spec."""
    yield f"{job.run_folder}:{job.run_folder}"
    if not Path(job.cwd).is_relative_to(job.run_folder):
        yield f"{job.cwd}:{job.cwd}"
    socket = job.env.get("GATOR_PARENT", "").removeprefix("unix:")
    if socket.startswith("/"):
        # By this folder a client in the container reaches Gator.
        yield f"{Path(socket).parent}:{Path(socket).parent}"
    for mount in _texts(job, "mounts"):
        source, colon, _ = mount.partition(":")
        if not colon:
            mount = f"{source}:{source}"
        if source.startswith("/") and not Path(source).exists():
            raise RunnerError(f"the mount {mount} cannot be made: there is no {source}")
        yield mount


def _texts(job: RunnerJob, name: str) -> Sequence[str]:
    value: Any = job.options.get(name) or []
    items: Sequence[Any] = cast("Sequence[Any]", value) if isinstance(value, list) else [value]
    return [str(item) for item in items]


def _podman(
    job: RunnerJob, tool: str, image: str, mounts: Sequence[str], further: Sequence[str]
) -> RunnerCommand:
    job.folder.mkdir(parents=True, exist_ok=True)
    id_file = job.folder / "id"
    # podman refuses a file that exists, such as that of a start that was repeated.
    id_file.unlink(missing_ok=True)
    label = f"gator.attempt={job.run}/{job.attempt}/{job.path}"
    argv = [tool, "run", "--rm", "--cidfile", str(id_file), "--label", label]
    # Its processes stay in the control groups of the attempt, by which Gator measures and ends them.
    argv += ["--cgroups", "disabled", "--network", "host", "--workdir", job.cwd]
    argv += ["--user", f"{os.getuid()}:{os.getgid()}"]
    if os.geteuid() != 0:
        argv += ["--userns", "keep-id"]
    for name in _PODMAN_LIMITS:
        argv += ["--ulimit", f"{name}={_limit(job, name)}"]
    for mount in mounts:
        argv += ["--volume", mount]
    for name in job.own_names:
        # podman takes the values from its own environment, so that they are not in its command line.
        argv += ["--env", name]
    argv += [*further, *(["--rootfs", image] if image.startswith(("/", ".")) else [image]), *job.argv]
    remove = ["sh", "-c", _REMOVE, "sh", tool, str(id_file), label, str(job.folder)]
    return RunnerCommand(argv, job.env, job.cwd, remove)


def _limit(job: RunnerJob, name: str) -> str:
    wanted = job.ulimit.get(name)
    soft, hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))
    if wanted is not None:
        soft = hard = wanted
    if name == "nproc":
        # podman lowers its own limit to the maximum number of processes, and could not raise it again.
        most = int(Path("/proc/sys/kernel/pid_max").read_text())
        soft, hard = (most if each < 0 else min(each, most) for each in (soft, hard))
    return f"{soft}:{hard}"


def _apptainer(
    job: RunnerJob, tool: str, image: str, mounts: Sequence[str], further: Sequence[str]
) -> RunnerCommand:
    argv = [tool, "exec", "--cleanenv", "--pwd", job.cwd]
    for mount in mounts:
        argv += ["--bind", mount]
    env = {**job.env, **{f"APPTAINERENV_{name}": job.env[name] for name in job.own_names if name in job.env}}
    return RunnerCommand([*argv, *further, image, *job.argv], env, job.cwd)
