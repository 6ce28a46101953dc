"""Makes the request for a plan, and the pools of resources, from a spec and options."""

import os
import random
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from shutil import which
from typing import Final

from gator.cli.launch.options import LaunchOptions, PlanOptions
from gator.cli.launch.reruns.requested_selection import RequestedSelection, requested_selection
from gator.cli.launch.spec_files import MAX_SPEC_BYTES
from gator.cli.launch.specs.load import LoadedSpec, RootNode, root_of
from gator.cli.options.values import bytes_of, count_of, limit_millis_of
from gator.cli.tracking import tracking_root
from gator.core.dispatch.pools import Pools
from gator.core.launch.environment import inherited, with_program
from gator.core.text import readable
from gator.errors import Problem, SpecError, UsageError, reason_of
from gator.files.bounded import read_bounded
from gator.runtime import diagnostics
from gator.runtime.text_encoding import launch_variables
from gator.scheduler import Scheduler
from gator.scheduler.registry import make_scheduler, parse_arguments
from gator.units import parse_integer
from gator.v1 import plan_pb2, spec_pb2

MAX_SEED: Final = 2**31 - 1
MAX_SCALE: Final = 1_000_000
MAX_LIMIT: Final = 2**53
MAX_MAX_FAIL: Final = 2**31 - 1
_UNLIMITED: Final = -1
"""Value in `Limits` for no limit."""


def job_environment() -> dict[str, str]:
    """Returns the variables that jobs inherit from this process, decoded as os.environ is."""
    kept = inherited(launch_variables(), os.path.exists)
    return with_program(kept, str(Path(sys.executable).parent), lambda path: bool(which("gator", path=path)))


def launch_environment() -> dict[str, str]:
    r"""Returns the environment of the jobs for the plan; bytes that are not UTF-8 become `\xNN`."""
    return {
        readable(os.fsencode(name)): readable(os.fsencode(value)) for name, value in job_environment().items()
    }


def resolved_selection(options: PlanOptions, loaded: LoadedSpec) -> RequestedSelection:
    """Returns the selection of the jobs to run; reads earlier runs only if the options refer to them."""
    requested = requested_selection(options)
    if not requested.refers_to_runs:
        return requested
    from gator.cli.launch.reruns.last_run import choice_of, resolve

    hub, ca = (options.hub, options.hub_ca) if isinstance(options, LaunchOptions) else (None, None)
    choice = choice_of(hub, ca, os.environ, requested.repeat)
    return resolve(requested, root_of(loaded.spec).ident, tracking_root().absolute(), choice)


def plan_request(
    loaded: LoadedSpec,
    options: PlanOptions,
    requested: RequestedSelection | None = None,
    tracking: Path | None = None,
) -> plan_pb2.PlanRequest:
    """Returns the plan request without the run, whose folder is a placeholder of the same form.

    `requested` is the resolved selection if it is known already, `tracking` the folder of the run if its
    user chose one.
    """
    if requested is None:
        requested = resolved_selection(options, loaded)
    request = plan_pb2.PlanRequest(
        spec=loaded.spec,
        above=loaded.config.above,
        only=requested.only,
        skip=requested.skip,
        tags=requested.tags,
        spec_dir=loaded.folder,
        launch_dir=str(Path.cwd()),
        python=sys.executable,
        today=date.today().isoformat(),
        environment=launch_environment(),
        run_dir=str((tracking if tracking is not None else tracking_root() / "run").absolute()),
    )
    root = root_of(request.spec)
    seed = root.seed if root.HasField("seed") else "random"
    if requested.seed is not None:
        seed = str(requested.seed)
    if all("=" in text for text in options.seeds):
        request.job_seeds.update(requested.job_seeds)
    for text in options.seeds:
        path, equals, value = text.rpartition("=")
        if equals:
            request.seeds[path] = _seed(value, text)
        else:
            seed = value
    replace_on_root(root, options, request.above.settings)
    if requested.params:
        from gator.cli.launch.specs.params import apply_params

        apply_params(request, requested.params)
    if requested.scale is not None:
        request.scale = _scale(requested.scale)
    if "${{" in seed:
        seed = "random" if loaded.problems else _filled_seed(request, seed)
    request.seed = random.SystemRandom().randint(1, MAX_SEED) if seed == "random" else _seed(seed, seed)
    return request


def _filled_seed(request: plan_pb2.PlanRequest, text: str) -> str:
    """Returns the seed of the root with its placeholders filled in. Raises SpecError if it is not valid."""
    from gator.plan import known_text, written_nodes

    root = written_nodes(request)[0]
    seed = known_text(text, root, request)
    number = parse_integer(seed)
    if seed != "random" and (number is None or not 1 <= number <= MAX_SEED):
        place = root.position
        message = f"'seed' is '{seed}': must be a whole number from 1 to {MAX_SEED}, or random"
        raise SpecError([Problem(place.file, place.line, place.column, message)])
    return seed


def _scale(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0
    if not 0 < factor <= MAX_SCALE:
        raise UsageError(f"--scale {text}: must be a number above 0, up to {MAX_SCALE:,}, such as 0.1")
    return factor


def _seed(value: str, shown: str) -> int:
    number = parse_integer(value)
    if number is None or not 1 <= number <= MAX_SEED:
        raise UsageError(f"--seed {shown}: must be a whole number from 1 to {MAX_SEED}, or random")
    return number


def replace_on_root(root: RootNode, options: PlanOptions, above: spec_pb2.Settings) -> None:
    """Replaces values of the root by those of options; nodes below keep theirs, and `above` is inherited.

    Raises UsageError if a value is out of its range.
    """
    settings = root.settings
    _drop_deferred(root, options)
    if options.limit_warning is not None:
        settings.limits.warning = _limit(options.limit_warning, "--limit-warning")
    if options.limit_error is not None:
        settings.limits.error = _limit(options.limit_error, "--limit-error")
        if not settings.stderr and not above.stderr:
            # The rule of the original Gator, whose option this is.
            settings.stderr = spec_pb2.STDERR_MODE_ERROR_UNLESS_PARSED
    if options.limit_critical is not None:
        settings.limits.critical = _limit(options.limit_critical, "--limit-critical")
    if options.parsers:
        settings.parsers.CopyFrom(_parsers(options.parsers))
    if options.timeout is not None:
        settings.timeout_millis = limit_millis_of(options.timeout, "--timeout")
    if options.deadline is not None:
        root.deadline_millis = limit_millis_of(options.deadline, "--deadline")
    _replace_max_fail(root, options)


def _replace_max_fail(root: RootNode, options: PlanOptions) -> None:
    for name in ("max_fail", "max_fail_per_cause"):
        text: str | None = getattr(options, name)
        if text is None:
            continue
        maximum = count_of(text, f"--{name.replace('_', '-')}", 1, MAX_MAX_FAIL, none=0)
        if not isinstance(root, spec_pb2.Job):
            setattr(root, name, maximum)


def _drop_deferred(root: RootNode, options: PlanOptions) -> None:
    """Removes keys with placeholders for which an option gives the value."""
    kept = [each for each in root.deferred if getattr(options, each.name, None) is None]
    if len(kept) < len(root.deferred):
        del root.deferred[:]
        root.deferred.extend(kept)


def _limit(text: str, option: str) -> int:
    return count_of(text, option, 0, MAX_LIMIT, none=_UNLIMITED)


def _parsers(names: Sequence[str]) -> spec_pb2.Parsers:
    """Returns built-in parsers and those of files. Raises UsageError and SpecError."""
    from gator.cli.installed_parsers import find_parser
    from gator.spec import load_parser
    from gator.spec.keys import PARSERS, is_parser_file
    from gator.spec.suggestions import did_you_mean

    parsers = spec_pb2.Parsers()
    for name in names:
        if is_parser_file(name):
            try:
                data = read_bounded(Path(name), MAX_SPEC_BYTES)
            except OSError as error:
                raise UsageError(f"--parser {name}: {reason_of(error)}") from error
            parsers.list.append(load_parser(data, file=name).parser)
        elif name in PARSERS:
            parsers.list.append(spec_pb2.Parser(name=name))
        elif (path := find_parser(name)) is not None:
            parser = load_parser(read_bounded(Path(path), MAX_SPEC_BYTES), file=path).parser
            parser.name = name
            parsers.list.append(parser)
        else:
            hint = did_you_mean(name, PARSERS) or f": must be one of {', '.join(PARSERS)}"
            raise UsageError(f"--parser {name}: unknown parser{hint}")
    return parsers


def scheduler_of(options: PlanOptions) -> Scheduler:
    """Returns the scheduler that options describe. Raises UsageError for an unknown one."""
    return make_scheduler(options.scheduler, parse_arguments(options.scheduler_arguments))


def pools_of(loaded: LoadedSpec, options: PlanOptions, scheduler: Scheduler) -> Pools:
    """Returns the resources that a run may use at once; within a job GATOR_CORES is the number of cores."""
    from gator.cli.launch.host_resources import cores_here, memory_here

    jobs = options.jobs or scheduler.cores
    root = root_of(loaded.spec)
    sized = dict(loaded.config.above.licenses)
    if not isinstance(root, spec_pb2.Job):
        sized.update(root.licenses)
    for text in options.licenses:
        name, equals, number = text.rpartition("=")
        if not equals or not number.isdigit():
            raise UsageError(f"--license {text}: must be NAME=N")
        sized[name] = int(number)
    cores = jobs or _cores_around() or cores_here()
    given = bytes_of(options.memory, "--memory")
    return Pools(
        cores=cores,
        memory_bytes=memory_here() if given is None else given,
        memory_given=given is not None,
        licenses=sized,
    )


def _cores_around() -> int:
    """Returns the number of cores of the job around this run; 0 if there is none. Raises UsageError."""
    text = os.environ.get("GATOR_CORES", "").strip()
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise UsageError(f"GATOR_CORES={text}: must be a whole number of cores, or unset it")
    return max(1, int(text))


def check_log(levels: str) -> None:
    """Raises UsageError if GATOR_LOG cannot be parsed."""
    try:
        diagnostics.parse_levels(levels)
    except ValueError as error:
        raise UsageError(str(error)) from error


def enter(folder: Path) -> None:
    """Changes to the folder of the launch. Raises UsageError if it cannot be entered."""
    try:
        os.chdir(folder)
    except OSError as error:
        raise UsageError(
            f"-C {folder}: cannot enter the folder: {reason_of(error)}: name another one"
        ) from error
