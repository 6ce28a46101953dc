"""What the options of `gator run` mean: a spec and choices become a request for a plan, and pools.

The rule: a wrong option is a UsageError that names the option and what it takes.
"""

import os
import random
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from shutil import which

from msgspec import Struct

from gator import spec as specs
from gator.cli.launch.part import Part
from gator.cli.launch.root_options import NO_LIMIT, RootOptions, replace_on_root
from gator.cli.launch.spec_file import read_included, read_spec
from gator.core.dispatch.pools import Pools
from gator.core.launch.environment import inherited, with_program
from gator.core.text import readable
from gator.daemon.modes import TextLogMode
from gator.errors import Problem, SpecError, UsageError
from gator.runtime import diagnostics
from gator.runtime.text_encoding import launch_variables
from gator.scheduler import Scheduler
from gator.scheduler.registry import make_scheduler, parse_arguments
from gator.units import parse_duration, parse_size
from gator.v1 import plan_pb2, spec_pb2

__all__ = ["TextLogMode"]
MAX_SEED = 2**31 - 1
UNCAPPED_BYTES = 1 << 62
"""Cap for `none`: more than any job can write."""


class PlacementName(Enum):
    """Values of --placement."""

    AUTO = "auto"
    INLINE = "inline"
    DAEMONS = "daemons"
    TIERS = "tiers"


class LoadedSpec(Struct, frozen=True):
    """A spec with what is known of its text."""

    spec: spec_pb2.Spec
    text: bytes
    name: str
    """As the user gave it."""
    folder: str
    """Where it lies, absolute."""
    warnings: tuple[Problem, ...]
    problems: tuple[Problem, ...] = ()
    """The problems; only filled by `load_partly`, which does not raise SpecError."""


class Choice(Struct, frozen=True):
    """Options that change what is planned."""

    only: Sequence[str] = ()
    skip: Sequence[str] = ()
    tags: Sequence[str] = ()
    seeds: Sequence[str] = ()
    root: RootOptions = RootOptions()

    def replaced(self) -> Iterator[tuple[str, str]]:
        """Returns the options that replace values of the root, with what was given."""
        yield from (("--seed", text) for text in self.seeds if "=" not in text)
        yield from self.root.given()


class PoolSizes(Struct, frozen=True):
    """Options for the sizes of the resource pools."""

    jobs: int | None = None
    memory: str | None = None
    licenses: Sequence[str] = ()


def tracking_root() -> Path:
    """Folder in which runs get their folders."""
    return Path(os.environ.get("GATOR_TRACKING") or "tracking").absolute()


def load_spec(name: str, ident: str | None) -> LoadedSpec:
    """Reads and checks a spec; raises SpecError with all problems, UsageError when it cannot be read."""
    loaded = load_partly(name, ident)
    if loaded.problems:
        raise SpecError(loaded.problems, loaded.warnings)
    return loaded


def load_partly(name: str, ident: str | None) -> LoadedSpec:
    """Reads a spec and collects its problems. Raises UsageError if the file cannot be read."""
    text = read_spec(name)
    shown, folder = ("stdin.yaml", Path.cwd()) if name == "-" else (name, Path(name).absolute().parent)
    for place in (shown, str(folder), str(Path.cwd())):
        if readable(os.fsencode(place)) != place:
            raise UsageError(f"cannot use {readable(os.fsencode(place))}: its name is not UTF-8, rename it")
    loaded = specs.load_partly(text, file=shown, read=read_included)
    if ident is not None:
        ident = specs.nfc(ident)
        if problem := specs.ident_problem(ident):
            raise UsageError(f"--id {ident}: {problem}")
        if loaded.spec.WhichOneof("node"):
            _root(loaded.spec).ident = ident
    return LoadedSpec(loaded.spec, text, shown, str(folder), loaded.warnings, loaded.problems)


def job_environment() -> dict[str, str]:
    """Returns the variables that jobs inherit from this process, decoded as os.environ is."""
    kept = inherited(launch_variables(), os.path.exists)
    return with_program(kept, str(Path(sys.executable).parent), lambda path: bool(which("gator", path=path)))


def launch_environment() -> dict[str, str]:
    r"""Returns the environment of the jobs for the plan; bytes that are not UTF-8 become `\xNN`."""
    return {
        readable(os.fsencode(name)): readable(os.fsencode(value)) for name, value in job_environment().items()
    }


def _root(spec: spec_pb2.Spec) -> spec_pb2.Job | spec_pb2.JobGroup | spec_pb2.JobArray:
    match spec.WhichOneof("node"):
        case "job":
            return spec.job
        case "group":
            return spec.group
        case _:
            return spec.array


def plan_request(
    loaded: LoadedSpec, choice: Choice, tracking: Path | None = None, part: Part | None = None
) -> plan_pb2.PlanRequest:
    """Returns the plan request without the run, whose folder is a placeholder of the same form.

    `part` is given if words such as `@failed` in the choice are already resolved.
    """
    if part is None:
        part = part_of(Part(choice.only, choice.skip, choice.tags), loaded)
    request = plan_pb2.PlanRequest(
        spec=loaded.spec,
        only=part.only,
        skip=part.skip,
        tags=part.tags,
        spec_dir=loaded.folder,
        launch_dir=str(Path.cwd()),
        python=sys.executable,
        environment=launch_environment(),
        run_dir=str(tracking.absolute() if tracking is not None else tracking_root() / "run"),
    )
    root = _root(request.spec)
    wanted = root.seed if root.HasField("seed") else "random"
    if part.seed is not None:
        wanted = str(part.seed)
    if all("=" in text for text in choice.seeds):
        request.job_seeds.update(part.job_seeds)
    for text in choice.seeds:
        path, found, value = text.rpartition("=")
        if found:
            request.seeds[path] = _seed(value, text)
        else:
            wanted = value
    request.seed = random.SystemRandom().randint(1, MAX_SEED) if wanted == "random" else _seed(wanted, wanted)
    replace_on_root(root, choice.root)
    return request


def _seed(value: str, shown: str) -> int:
    try:
        number = int(value, 0)
    except ValueError:
        number = 0
    if not 1 <= number <= MAX_SEED:
        raise UsageError(f"--seed {shown}: give a whole number from 1 to {MAX_SEED}, or random")
    return number


def check_log(levels: str) -> None:
    """Raises UsageError if GATOR_LOG cannot be parsed."""
    try:
        diagnostics.parse_levels(levels)
    except ValueError as error:
        raise UsageError(str(error)) from error


def scheduler_of(name: str, texts: Sequence[str]) -> Scheduler:
    """Returns the scheduler that --scheduler and --sched-arg describe. Raises UsageError."""
    return make_scheduler(name, parse_arguments(texts))


def check_placement(placement: PlacementName, scheduler: Scheduler, name: str) -> None:
    """Raises UsageError if a placement runs jobs in this process and the scheduler does not allow that."""
    if placement is PlacementName.INLINE and not scheduler.allows_inline:
        raise UsageError(f"--placement inline: jobs would run in this process instead of with {name}")


def pools(loaded: LoadedSpec, sizes: PoolSizes, scheduler: Scheduler) -> Pools:
    """Returns the resources that a run may use at once; within a job GATOR_CORES is the number of cores."""
    from gator.cli.launch.machine import cores_here, memory_here

    jobs = sizes.jobs or scheduler.cores
    root = _root(loaded.spec)
    sized = dict(root.licenses) if not isinstance(root, spec_pb2.Job) else {}
    for text in sizes.licenses:
        name, found, number = text.rpartition("=")
        if not found or not number.isdigit():
            raise UsageError(f"--license {text}: give NAME=N")
        sized[name] = int(number)
    inherited = os.environ.get("GATOR_CORES", "")
    cores = jobs or (max(1, int(inherited)) if inherited.isdigit() else cores_here())
    given = size(sizes.memory, "--memory")
    return Pools(
        cores=cores,
        memory_bytes=memory_here() if given is None else given,
        memory_given=given is not None,
        licenses=sized,
    )


def millis(text: str | None, option: str) -> int | None:
    """Returns a duration in milliseconds; None when none was given."""
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from error


def size(text: str | None, option: str) -> int | None:
    """Returns a size in bytes; None when none was given."""
    if text is None:
        return None
    try:
        return parse_size(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from error


def enter(folder: Path) -> None:
    """Changes to the folder of the launch. Raises UsageError if it cannot be entered."""
    try:
        os.chdir(folder)
    except OSError as error:
        raise UsageError(f"-C {folder}: cannot enter the folder: {error.strerror}") from error


def log_cap(text: str | None) -> int:
    """Returns the maximum number of bytes stored of a job's output."""
    if text is not None and text.lower() in NO_LIMIT:
        return UNCAPPED_BYTES
    return above_zero(size(text, "--log-cap"), "--log-cap", 1 << 30)


def parent_address(text: str | None) -> str | None:
    """Returns the address that --parent gives, None when it is not given; raises UsageError."""
    if text is None or text.startswith("unix:") or text.rpartition(":")[2].isdecimal():
        return text
    raise UsageError(f"--parent {text}: give the address in $GATOR_PARENT, which is set within a job")


def above_zero(value: int | None, option: str, default: int) -> int:
    """Returns a value that is not 0, or the default when there is none."""
    if value == 0:
        raise UsageError(f"{option}: give more than 0")
    return default if value is None else value


def part_of(part: Part, loaded: LoadedSpec, hub: str | None = None, hub_ca: Path | None = None) -> Part:
    """Returns the part of a spec to run; reads earlier runs only if the options refer to them."""
    if not part.refers_to_runs:
        return part
    from gator.cli.launch.last_run import choice_of, resolve

    choice = choice_of(hub, hub_ca, os.environ, part.repeat)
    return resolve(part, _root(loaded.spec).ident, tracking_root(), choice)
