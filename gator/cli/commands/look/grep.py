"""`gator grep`: searches the output of jobs.

Invariant: the exit code is 1 if nothing is found, as with grep, and stdout has nothing but matches.
"""

from typing import Annotated

import typer

from gator.cli import output
from gator.cli.follow.print_lines import PAGE, LineWriter, lines, print_left_out
from gator.cli.json_output import print_json
from gator.cli.options.enums import enum_option
from gator.cli.options.number import MAX_LINES, limit_of, more_text, number_option
from gator.cli.options.times import SinceOption, UntilOption, unix_nanos
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, HubOption
from gator.cli.sources.open import open_run
from gator.cli.sources.options import JsonOption, RunOption, TrackingOption, complete_path
from gator.query.lines.search import Pattern
from gator.v1 import common_pb2
from gator.v1 import query_service_pb2 as qs


def grep(
    regex: Annotated[str, typer.Argument(metavar="REGEX", help="A regular expression (RE2).")],
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="Nodes or globs; default: the root. Everything below a node is included.",
            autocompletion=complete_path,
        ),
    ] = None,
    run: RunOption = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    ignore_case: Annotated[bool, typer.Option("-i", "--ignore-case", help="Ignore case.")] = False,
    context: Annotated[
        int,
        typer.Option(
            "-C", min=0, metavar="N", show_default=False, help="Show N lines of context around each match."
        ),
    ] = 0,
    count: Annotated[
        bool, typer.Option("-c", "--count", help="Print only the number of matching lines of each job.")
    ] = False,
    names: Annotated[
        bool, typer.Option("-l", "--files-with-matches", help="Print only the paths of jobs with a match.")
    ] = False,
    severity: Annotated[
        str | None,
        typer.Option(
            "--severity", metavar="LEVEL", help="Search only lines of this severity or worse, such as error."
        ),
    ] = None,
    long: Annotated[bool, typer.Option("--long", help="Print times and severities too.")] = False,
    since: SinceOption = None,
    until: UntilOption = None,
    number: Annotated[int | None, number_option(MAX_LINES, "matches, or jobs with -c and -l")] = None,
    json: JsonOption = False,
) -> None:
    """Search the output of jobs by a regular expression.

    Messages of jobs are searched too. Each match is printed with its job, stream and line. The exit code is 1
    if there is none.
    """
    # Checked here too, so that an error shows the expression without the flag that may be added.
    Pattern(regex)
    request = qs.ListLinesRequest(
        regex=f"(?i){regex}" if ignore_case else regex,
        context=context,
        messages=True,
        since_unix_nanos=unix_nanos(since, "--since"),
        until_unix_nanos=unix_nanos(until, "--until"),
    )
    if severity:
        request.severity = enum_option(common_pb2.Severity, severity, "--severity")
    writer = LineWriter(long=long, json=json, names=True, context=context, whole=True)
    limit = limit_of(number, MAX_LINES, json=json)
    hits: dict[str, int] = {}
    shown, left_out = 0, False
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        request.path = opened.run.ident
        request.globs.extend(opened.below(paths or []))
        print_left_out(opened)
        page_size = limit + 1 if limit and not (context or names or count) else PAGE
        for line in lines(opened.api, request, page_size):
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
                output.echo(line.path)
    writer.flush()
    if count:
        for path, number in list(hits.items())[:limit]:
            print_json({"path": path, "lines": number}) if json else output.echo(f"{path}: {number:,}")
        if limit and len(hits) > limit:
            output.warn(more_text("job", len(hits) - limit))
    elif left_out:
        output.warn(more_text("job" if names else "matching line"))
    if not hits:
        raise typer.Exit(1)
