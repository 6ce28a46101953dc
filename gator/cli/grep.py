"""`gator grep`: search the output of jobs. Rule: exit code 1 when nothing is found, as grep has it."""

from typing import Annotated

import typer

from gator.cli import output
from gator.cli.logs_lines import LineWriter, lines, say_left_out
from gator.cli.selector_hub import HubCaOption, HubChoice, HubOption
from gator.cli.selector_open import open_run
from gator.cli.selector_options import JsonOption, RunOption, TrackingOption, complete_path
from gator.cli.times import SinceOption, UntilOption, unix_nanos
from gator.query.search import Pattern
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
        int, typer.Option("-C", min=0, metavar="N", help="So many lines around each hit.")
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
    json: JsonOption = False,
) -> None:
    """Search what jobs wrote and said. Prints each hit with its job, stream and line."""
    # What is wrong with it is said of the expression as it was given, without a flag before it.
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
    hits: dict[str, int] = {}
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        wanted.path = opened.run.ident
        wanted.globs.extend(opened.below(paths or []))
        say_left_out(opened)
        for line in lines(opened.ask, wanted):
            hits[line.path] = hits.get(line.path, 0) + line.hit
            if names:
                if hits[line.path] == 1:
                    output.say(line.path)
            elif not count:
                if context:
                    writer.separate(line)
                writer.write(line)
    writer.flush()
    if count:
        for path, number in hits.items():
            output.say_json({"path": path, "lines": number}) if json else output.say(f"{path}: {number:,}")
    if not hits:
        raise typer.Exit(1)
