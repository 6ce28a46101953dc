"""`gator grep`: searches the output of jobs.

Invariant: the exit code is 1 if nothing is found, as with grep, and stdout has nothing but hits.
"""

from typing import Annotated

import typer

from gator.cli import output
from gator.cli.follow.print_lines import PAGE, LineWriter, lines, say_left_out
from gator.cli.number_option import MAX_LINES, limit_of, more_text, number_option
from gator.cli.runs.hub_selection import HubCaOption, HubChoice, HubOption
from gator.cli.sources.open import open_run
from gator.cli.sources.options import JsonOption, RunOption, TrackingOption, complete_path
from gator.cli.times import SinceOption, UntilOption, unix_nanos
from gator.query.lines.search import Pattern
from gator.v1 import common_pb2
from gator.v1 import query_service_pb2 as qs


def grep(
    regex: Annotated[str, typer.Argument(metavar="REGEX", help="A regular expression (RE2).")],
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH", help="Only below these nodes, or what matches.", autocompletion=complete_path
        ),
    ] = None,
    run: RunOption = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    ignore_case: Annotated[bool, typer.Option("-i", "--ignore-case", help="Any case matches.")] = False,
    context: Annotated[
        int, typer.Option("-C", min=0, metavar="N", help="Show N lines of context around each hit.")
    ] = 0,
    count: Annotated[bool, typer.Option("-c", "--count", help="Only how many lines, by job.")] = False,
    names: Annotated[
        bool, typer.Option("-l", "--files-with-matches", help="Only the paths of jobs with a hit.")
    ] = False,
    severity: Annotated[
        str | None,
        typer.Option("--severity", metavar="LEVEL", help="Only lines at least this bad: warning, error, …."),
    ] = None,
    long: Annotated[bool, typer.Option("--long", help="With times and severities.")] = False,
    since: SinceOption = None,
    until: UntilOption = None,
    number: Annotated[int | None, number_option(MAX_LINES, "hits, or jobs with -c and -l")] = None,
    json: JsonOption = False,
) -> None:
    """Search the output and messages of jobs. Print each hit with its job, stream and line."""
    # An error names the expression as it was given, without the flag before it.
    Pattern(regex)
    wanted = qs.ListLinesRequest(
        regex=f"(?i){regex}" if ignore_case else regex,
        context=context,
        messages=True,
        since_unix_nanos=unix_nanos(since, "--since"),
        until_unix_nanos=unix_nanos(until, "--until"),
    )
    if severity:
        wanted.severity = common_pb2.Severity.ValueType(
            output.choice(common_pb2.Severity.DESCRIPTOR, severity, "--severity")
        )
    writer = LineWriter(long=long, json=json, names=True, context=context, whole=True)
    limit = limit_of(number, MAX_LINES, json=json)
    hits: dict[str, int] = {}
    shown, left_out = 0, False
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        wanted.path = opened.run.ident
        wanted.globs.extend(opened.below(paths or []))
        say_left_out(opened)
        page_size = limit + 1 if limit and not (context or names or count) else PAGE
        for line in lines(opened.ask, wanted, page_size):
            is_new = line.path not in hits
            hits[line.path] = hits.get(line.path, 0) + line.hit
            if count:
                continue
            if shown == limit and (is_new if names else line.hit):
                left_out = True
                break
            shown += is_new if names else line.hit
            if not names:
                if context:
                    writer.separate(line)
                writer.write(line)
            elif is_new:
                output.say(line.path)
    writer.flush()
    if count:
        for path, found in list(hits.items())[:limit]:
            output.say_json({"path": path, "lines": found}) if json else output.say(f"{path}: {found:,}")
        if limit and len(hits) > limit:
            output.complain(more_text("job", len(hits) - limit))
    elif left_out:
        output.complain(more_text("job" if names else "hit"))
    if not hits:
        raise typer.Exit(1)
