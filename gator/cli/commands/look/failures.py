"""`gator failures`: explains each failure, and says which causes are new.

Invariant: each failure names the command that reruns it, if its command line is known.
"""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Final

import typer
from msgspec.structs import replace

from gator.cli import output
from gator.cli.failures.causes import Wanted, failed_jobs, find_causes
from gator.cli.failures.flaky import compared, print_passed_in_rerun
from gator.cli.failures.known import check_cause
from gator.cli.failures.pruned import print_pruned
from gator.cli.failures.text import print_cause_lines, print_causes, print_each
from gator.cli.failures.values import values_of_cause, values_of_failure
from gator.cli.json_output import print_json
from gator.cli.options.number import MAX_ROWS, limit_of, number_option, print_omitted
from gator.cli.options.sort import SortOption, order_of
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, HubOption
from gator.cli.sources.failure_overlay import OverlaidRun, later_part, line_of, overlay_repeats
from gator.cli.sources.open import OpenRun, open_run
from gator.cli.sources.options import JsonOption, TrackingOption, complete_path, run_option
from gator.v1 import query_pb2

_SIGNATURE: Final = re.compile(r"s\d+-[0-9a-f]*", re.IGNORECASE)


def failures(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="Nodes or globs, or a signature; default: the root. Everything below a node is included.",
            autocompletion=complete_path,
        ),
    ] = None,
    run: Annotated[str | None, run_option("latest, with its reruns overlaid")] = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    every: Annotated[
        bool, typer.Option("--all", "-a", help="Show every failure, even if many have the same cause.")
    ] = False,
    cause: Annotated[
        str | None,
        typer.Option(
            "--cause",
            metavar="CAUSE",
            help="Show every failure of this cause: its name, a ticket, or the beginning of its signature.",
        ),
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Show only causes that no earlier run of the series had.")
    ] = False,
    back: Annotated[
        bool, typer.Option("--back", help="Show only causes that came back; with --new, new ones too.")
    ] = False,
    causes: Annotated[bool, typer.Option("--causes", help="Show one line for each cause.")] = False,
    sort: SortOption = "spec",
    number: Annotated[int | None, number_option(MAX_ROWS, "causes, or failures of one cause")] = None,
    json: JsonOption = False,
) -> None:
    """Explain each failure: reason, first error, log, and the command that reruns it.

    More than five failures are grouped by cause, with an example of each: new causes first, then those that
    came back, then known ones. Without -r, and with -r latest or an ident, the reruns of the run are overlaid
    on it: the newest outcome of each job counts.
    """
    limit = limit_of(number, MAX_ROWS, json=json or every)
    given, name = _split(paths or [], cause)
    with open_run(line_of(run), tracking, HubChoice(hub, hub_ca)) as opened:
        overlaid = overlay_repeats(opened, run)
        later = later_part(opened, overlaid, tracking) if run is None else ""
        if later:
            output.warn(f"gator: {later}")
        wanted = Wanted(given, opened.below(given), name, order_of(sort), new=new, back=back)
        _warn_of_unknown(opened, wanted)
        if json:
            if not _print_json(opened, overlaid, wanted, limit, causes=causes):
                check_cause(opened, name)
            return
        if overlaid is not None:
            output.echo(overlaid.headline())
        if causes:
            is_printed = print_cause_lines(find_causes(opened, overlaid, wanted), limit)
        elif every or name:
            is_printed = _print_all(opened, overlaid, wanted, limit)
        else:
            few = failed_jobs(opened, overlaid, wanted)
            is_printed = print_causes(find_causes(opened, overlaid, wanted), few, given, limit)
        if not is_printed:
            check_cause(opened, name)
            where = f" in run {opened.run.id[:8]}" if later else ""
            output.echo(_nothing(wanted) + where + _so_far(opened.run))
        if not (name or new or back):
            print_pruned(opened, overlaid, wanted.globs)
            if overlaid is not None:
                print_passed_in_rerun(overlaid)


def _split(paths: Sequence[str], cause: str | None) -> tuple[Sequence[str], str]:
    """Returns the paths, and the name of a cause, which may be given in the place of a path."""
    named = [path for path in paths if _SIGNATURE.fullmatch(path)]
    if cause is None and len(named) == 1:
        return [path for path in paths if path not in named], named[0].lower()
    name = cause or ""
    return paths, name.lower() if _SIGNATURE.match(name) else name


def _warn_of_unknown(opened: OpenRun, wanted: Wanted) -> None:
    """Reports on stderr that nothing is known of earlier runs, if only new or returning causes are wanted.

    A run without failures has no causes to compare.
    """
    tally = opened.run.tally
    if not (wanted.new or wanted.back) or not (tally.failed or tally.lost):
        return
    sightings = opened.source.sightings(opened.run)
    if sightings.before is None:
        output.warn("gator: there is no earlier run of this series: every cause is new")
    elif sightings.groups and not sightings.is_known:
        output.warn(
            "gator: the hub is still computing signatures of earlier runs, so no cause is reported as new yet"
        )
    elif not sightings.groups:
        output.warn("gator: some earlier runs could not be read, so no cause is reported as new")


def _print_json(
    opened: OpenRun, overlaid: OverlaidRun | None, wanted: Wanted, limit: int | None, *, causes: bool
) -> bool:
    """Prints causes or failures. Returns whether there is one."""
    is_printed = False
    if causes:
        groups = find_causes(opened, overlaid, wanted).groups[:limit]
        for group, example in zip(groups, compared(group.example for group in groups), strict=True):
            is_printed = True
            print_json(values_of_cause(replace(group, example=example)))
        return is_printed
    for one in compared(islice(failed_jobs(opened, overlaid, wanted), limit)):
        is_printed = True
        print_json(values_of_failure(one))
    return is_printed


def _print_all(opened: OpenRun, overlaid: OverlaidRun | None, wanted: Wanted, limit: int | None) -> bool:
    """Prints each failure, up to the limit. Returns whether there is one."""
    failed = failed_jobs(opened, overlaid, wanted)
    is_printed = print_each(islice(failed, limit))
    if limit and (left := sum(1 for _ in failed)):
        output.echo()
        print_omitted("failure", left)
    return is_printed


def _nothing(wanted: Wanted) -> str:
    if wanted.new or wanted.back:
        states = [("is new", wanted.new), ("came back", wanted.back)]
        return f"no cause {' or '.join(words for words, is_wanted in states if is_wanted)}"
    return "nothing failed" + (" of that cause" if wanted.cause else "")


def _so_far(run: query_pb2.Run) -> str:
    return " so far" if run.state == query_pb2.RUN_STATE_RUNNING else ""
