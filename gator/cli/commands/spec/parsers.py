"""`gator parsers`: the parsers of output, built-in and in files.

Invariant: nothing is started and nothing is written.
"""

import sys
from json import dumps as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gator.cli import exit_codes, output
from gator.cli.json_output import print_json
from gator.cli.sources.options import JsonOption
from gator.enum_names import enum_name
from gator.errors import Problem, SpecError, UsageError, UserError, reason_of
from gator.units import plural

if TYPE_CHECKING:
    from gator.parsers import Recognised
    from gator.spec import ParserFile

parsers = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="List and check parsers of output, and try them on a log.",
)

NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A built-in parser, auto for all, '$gcc' or another matcher of VS Code, or a YAML or JSON file.",
        show_default=False,
    ),
]


@parsers.command("list")
def list_(json: JsonOption = False) -> None:
    """List the built-in parsers, and those of installed packages."""
    from gator.cli import installed_parsers
    from gator.parsers.check import builtin_files

    files = sorted(builtin_files(), key=lambda file: file.parser.name)
    rows = [(file.parser.name, file.about, len(file.parser.entries), "") for file in files]
    rows += [_installed_row(name) for name in installed_parsers.names()]
    if json:
        for name, about, entries, path in rows:
            print_json({"name": name, "about": about, "entries": entries, "file": path})
        return
    output.echo_columns([(name, about, path) for name, about, _, path in rows])


def _installed_row(name: str) -> tuple[str, str, int, str]:
    """Returns name, purpose, number of entries and path of a package's parser, or why it cannot be used."""
    from gator.cli.installed_parsers import find_parser

    path = ""
    try:
        path = find_parser(name) or ""
        file = _file(path)
    except UserError as error:
        return name, f"cannot be used: {error}", 0, path
    return name, file.about, len(file.parser.entries), path


@parsers.command()
def show(name: NameArgument) -> None:
    """Print a parser as a file, as a starting point for your own; problem matchers are converted."""
    from gator.parsers.check import FOLDER, parser_text
    from gator.spec.keys import MATCHER_SUFFIXES

    path = _path(name)
    if path.endswith(MATCHER_SUFFIXES) or _is_named_matcher(path):
        sys.stdout.write(parser_text(_file(path).parser))
        return
    if path:
        _file(path)
        sys.stdout.write(Path(path).read_text())
        return
    sys.stdout.write((FOLDER / f"{_builtin(name)}.yaml").read_text())


@parsers.command(epilog="Examples:\n\n  gator parsers check ours.yaml")
def check(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="YAML files with a parser, or JSON files with problem matchers."
        ),
    ],
    json: JsonOption = False,
) -> None:
    """Run the examples in files with parsers, and name the patterns that are slow.

    The exit code is 2 if there is a problem, and 0 if there are only slow patterns.
    """
    wrong = False
    for file in files:
        problems, slow, examples = _check(file)
        wrong = wrong or bool(problems)
        for level, listed in (("error", problems), ("warning", slow)):
            for problem in listed:
                _print_problem(problem, level, json=json)
        if not problems and not json:
            output.echo(f"{file}: {output.paint('fine', 'passed')}, {plural(examples, 'example')}")
    if wrong:
        raise typer.Exit(exit_codes.USAGE)


def _check(file: Path) -> tuple[list[Problem], list[Problem], int]:
    """Returns the problems of a file, its slow patterns, and the number of its examples."""
    from gator.cli.launch.spec_files import read_included
    from gator.parsers.check import problems_of, slow_patterns
    from gator.spec import load_parser

    try:
        parser = load_parser(read_included(str(file)), file=str(file))
    except OSError as error:
        return [Problem(str(file), 0, 0, f"cannot be read: {reason_of(error)}")], [], 0
    except SpecError as error:
        return list(error.problems), [], 0
    return problems_of(parser), slow_patterns(parser), sum(len(examples) for examples in parser.examples)


def _print_problem(problem: Problem, level: str, *, json: bool) -> None:
    if json:
        print_json(
            {
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "level": level,
                "message": problem.message,
            }
        )
    else:
        output.echo(f"{problem}" if level == "error" else f"{problem} (slow)")


@parsers.command("try", epilog="Examples:\n\n  gator parsers try gcc < build.log")
def try_(name: NameArgument, json: JsonOption = False) -> None:
    """Print the messages that a parser recognises in a log on stdin."""
    from gator.parsers import Rules, StreamParser, entries_of
    from gator.parsers.check import rules_for

    if path := _path(name):
        rules = Rules(entries_of(_file(path).parser))
    else:
        rules = rules_for(_builtin(name, everything=True))
    stream = StreamParser(rules)
    number = 1
    while lines := sys.stdin.buffer.readlines(_BLOCK_BYTES):
        for message in stream.feed(number, b"".join(lines)):
            _print_message(message, json=json)
        number += len(lines)
    for message in stream.finish():
        _print_message(message, json=json)


_BLOCK_BYTES = 1_000_000


def _print_message(message: "Recognised", *, json: bool) -> None:
    from gator.v1 import common_pb2, spec_pb2

    severity = enum_name(common_pb2.DESCRIPTOR.enum_types_by_name["Severity"], message.severity)
    rank = enum_name(spec_pb2.DESCRIPTOR.enum_types_by_name["ParserRank"], message.rank)
    if json:
        print_json(
            {
                "parser": message.entry.parser,
                "line": message.line,
                "severity": severity,
                "rank": rank,
                "decisive": message.entry.decisive,
                "file": message.file,
                "file_line": message.file_line,
                "file_column": message.column,
                "code": message.code,
                "item": message.item,
                "message": message.message,
                "metric": message.entry.metric,
                "value": message.value,
                "text": message.text,
            }
        )
        return
    if message.entry.metric:
        output.echo(
            f"{message.line}: metric ({message.entry.parser}): {message.entry.metric} = {message.value}"
        )
        return
    location = ":".join(str(part) for part in (message.file, message.file_line, message.column) if part)
    notes = [message.entry.parser, rank, *(["decisive"] if message.entry.decisive else [])]
    summary = " ".join(part for part in (location, message.code, message.item, message.message) if part)
    output.echo(f"{message.line}: {severity} ({', '.join(notes)}): {summary}")


def _path(name: str) -> str:
    """Returns the path of a parser in a file or of a package, or `$NAME`; empty for a built-in one."""
    from gator.cli.installed_parsers import find_parser
    from gator.spec.keys import PARSERS, is_parser_file

    if is_parser_file(name) or _is_named_matcher(name):
        return name
    return "" if name in PARSERS else find_parser(name) or ""


def _file(name: str) -> "ParserFile":
    """Returns the parser in a file, or that of a named matcher. Raises UsageError and SpecError."""
    from gator.cli.launch.spec_files import read_included
    from gator.spec import load_parser

    if _is_named_matcher(name):
        try:
            return load_parser(json_text({"problemMatcher": name}), file=f"{name}.json")
        except SpecError as error:
            raise UsageError(error.problems[0].message) from error
    try:
        return load_parser(read_included(name), file=name)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {reason_of(error)}") from error


def _is_named_matcher(name: str) -> bool:
    """Returns whether this is the name of a problem matcher of VS Code, such as `$gcc`."""
    return name.startswith("$")


def _builtin(name: str, *, everything: bool = False) -> str:
    """Returns the name of a built-in parser. Raises UsageError if there is none."""
    from gator.spec import keys
    from gator.spec.suggestions import did_you_mean

    names = [known for known in keys.PARSERS if everything or known != "auto"]
    if name not in names:
        hint = did_you_mean(name, names) or ": see gator parsers list"
        raise UsageError(f"unknown parser '{name}'{hint}")
    return name
