"""Makes the command that reruns a job of a run, from the command line of that run.

Invariant: options that may change a verdict or a path are kept; those for pools, placement and display are
not.
"""

import os
import shlex
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from gator.path_patterns import escape
from gator.v1 import query_pb2

FLAGS: Final = frozenset(
    (
        "--quiet",
        "--verbose",
        "--all-msg",
        "--progress",
        "--no-progress",
        "--dry-run",
        "--help-params",
        "--require-baseline",
        "-q",
        "-v",
    )
)
"""Options of `gator run` that take no value."""
REPEAT: Final = "--repeat"
"""Option that names the run to repeat."""
KEPT: Final = frozenset(
    (
        "--id",
        "--param",
        "--scale",
        "--parser",
        "--timeout",
        "--limit-warning",
        "--limit-error",
        "--limit-critical",
    )
)
SELECTING: Final = frozenset(("--only", "--skip", "--tag"))
"""Options that select the jobs of a run."""
STDIN: Final = "-"
_PLACEHOLDER: Final = "SPEC"
"""Stands in commands for the path of a spec that was read from stdin."""


class Launched(Struct, frozen=True):
    """The parts of a command line that matter for a rerun."""

    spec: str = STDIN
    """The spec as the user named it."""
    options: tuple[str, ...] = ()
    """Options that may change verdicts or paths, as given."""
    folder: str = ""
    """Absolute folder of the launch; empty if unknown."""
    variables: tuple[tuple[str, str], ...] = ()
    """Variables of the launch that the jobs use."""
    unkept: tuple[str, ...] = ()
    """Names of such variables whose values were not recorded, because they may be secrets."""

    unset: tuple[str, ...] = ()
    """Names of variables that commands use and that were not set at the launch."""

    selection: tuple[str, ...] = ()
    """The options that selected the jobs, as written on the command line."""

    @property
    def needs(self) -> str:
        """Note about what a user has to supply for the command; empty for nothing."""
        notes: list[str] = []
        if self.unkept:
            names = ", ".join(self.unkept)
            notes.append(f"{names}, set as at the launch: values of secrets are not kept")
        if self.spec == STDIN:
            notes.append(f"{_PLACEHOLDER}, the file with the spec, which was read from stdin")
        return "; ".join(notes)


def launch_of(run: query_pb2.Run) -> Launched:
    """Returns the launch of a run from its record."""
    launch = launched(run.argv)
    return Launched(
        launch.spec,
        launch.options,
        run.launch_dir,
        tuple(sorted(run.variables.items())),
        tuple(run.unkept_variables),
        tuple(run.unset_variables),
        launch.selection,
    )


def launched(argv: Sequence[str]) -> Launched:
    """Parses the command line of a `gator run`, including the name of the program."""
    rest = list(argv[1:])
    if rest[:1] == ["run"]:
        del rest[0]
    rest.reverse()
    spec, options, selection = STDIN, list[str](), list[str]()
    while rest:
        arg = rest.pop()
        if arg == "--":
            spec = rest.pop() if rest else spec
        elif arg == STDIN or not arg.startswith("-"):
            spec = arg
        elif arg.startswith("--"):
            name, equals, value = arg.partition("=")
            if name in FLAGS:
                continue
            if not equals and rest:
                value = rest.pop()
            # The seed of the run is known from its record; those of single nodes are not.
            if name in KEPT or (name == "--seed" and "=" in value):
                options += [name, value]
            elif name in SELECTING:
                selection += [name, value]
        elif not _is_complete(arg) and rest:
            rest.pop()
    return Launched(spec, tuple(options), selection=tuple(selection))


def rerun_command(
    launch: Launched, seed: int, path: str = "", *, repeats: str = "", job_seed: int | None = None
) -> str:
    """Returns the command that reruns one job, or all jobs of the run if the path is that of the root.

    `repeats` is the id of the run on which the repeat is overlaid. `job_seed` is the job's seed if it may not
    follow from that of the run, and is left out of the command if it does.
    """
    only = ["--only", f"/{escape(path)}"] if "/" in path else []
    selected = only or list(launch.selection)
    if selected and repeats:
        selected += [REPEAT, repeats]
    seeds = ["--seed", str(seed)]
    if only and job_seed is not None and not _follows(job_seed, seed, path, launch):
        seeds += ["--seed", f"/{escape(path)}={job_seed}"]
    folder = ["-C", launch.folder] if launch.folder else []
    return _complete(launch, ["run", *selected, *seeds, *launch.options, *folder])


def job_command(run: query_pb2.Run, node: query_pb2.Node) -> str | None:
    """Returns the command that runs one job of a run again with the same seed; None if it is not known."""
    if not run.argv:
        return None
    # A rerun may have taken the seeds of single jobs from its parent.
    job_seed = node.seed if run.parent else None
    # Only a rerun of single jobs is overlaid on a run that is not itself a rerun.
    repeats = run.parent or (run.id if "/" in node.path else "")
    return rerun_command(launch_of(run), run.seed, node.path, repeats=repeats, job_seed=job_seed)


def _follows(job_seed: int, seed: int, path: str, launch: Launched) -> bool:
    """Returns whether a job gets its seed from that of the run."""
    # Imported late, because only the repeats of failed jobs need it.
    from gator.plan import derive_seed

    return "--seed" not in launch.options and derive_seed(seed, path.partition("/")[2]) == job_seed


def again_failed(launch: Launched, run_folder: str) -> str:
    """Returns the command that reruns the failed jobs of a run, each with its seed.

    The run is named by its folder, because an id is looked for in the tracking folder only.
    """
    folder = ["-C", launch.folder] if launch.folder else []
    return _complete(launch, ["run", "--only", "@failed", REPEAT, run_folder, *launch.options, *folder])


def rest_command(launch: Launched, repeats: str) -> str:
    """Returns the command that runs the jobs of a run that have not passed; `repeats` is its id or folder."""
    folder = ["-C", launch.folder] if launch.folder else []
    return _complete(launch, ["run", "--skip", "@passed", REPEAT, repeats, *launch.options, *folder])


def plan_of(launch: Launched) -> str:
    """Returns the command that shows the whole plan of a spec."""
    spec = launch.spec
    if spec != STDIN and launch.folder:
        launch = replace(launch, spec=os.path.join(launch.folder, spec))  # noqa: PTH118 - as it was given
    return _complete(launch, ["plan", *launch.options])


def _complete(launch: Launched, words: Sequence[str]) -> str:
    """Returns a command with its variables before and the spec after it."""
    command = shlex.join(["gator", *words])
    command = "".join(f"{name}={shlex.quote(value)} " for name, value in launch.variables) + command
    if launch.unset:
        command = f"env {''.join(f'-u {name} ' for name in launch.unset)}{command}"
    # Only the user has a spec that was read from stdin.
    return (
        f"{command} - < {_PLACEHOLDER}" if launch.spec == STDIN else f"{command} {shlex.quote(launch.spec)}"
    )


def _is_complete(arg: str) -> bool:
    """Returns whether short options such as `-qv` and `-j4` need no value from the next argument."""
    for at, letter in enumerate(arg[1:], 1):
        if f"-{letter}" not in FLAGS:
            return at + 1 < len(arg)
    return True
