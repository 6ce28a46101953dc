"""Checks parsers by the examples in their files, and makes the module of the built-in ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

from msgspec.structs import asdict, replace

from gator.enum_names import enum_name
from gator.errors import Problem, SpecError
from gator.parsers.definition import Entry, Recognised, entries_of
from gator.parsers.rules import Rules
from gator.parsers.stream import StreamParser
from gator.parsers.words import shortest_words
from gator.spec import ParserFile, load_parser
from gator.v1 import common_pb2, spec_pb2

_ORDINARY: Final = (
    "uvm_info ./tb/drv.sv(58) @ 39467032: uvm_test_top.env.agent[5].drv [drv] item 3 is done and sent "
    "2026-04-23 23:59:27,302 info: build step 12 of 100, see /home/user/proj/log for all ---- ==== ...."
)
"""Text as most lines have it, in lower case."""
_UNLIKE: Final = ("x", "0", "~", "\x01", "é")
"""Lines that have nothing in common, which only a pattern that matches any line matches."""
FOLDER: Final = Path(__file__).with_name("builtin")


def builtin_files() -> list[ParserFile]:
    """Returns the built-in parsers in the order of their precedence. Raises SpecError."""
    files = [load_parser(path.read_bytes(), file=str(path)) for path in sorted(FOLDER.glob("*.yaml"))]
    return sorted(files, key=lambda file: file.precedence)


def compiled_text() -> str:
    """Returns the text of the module with the entries of all built-in parsers."""
    lines = [
        '"""The entries of the built-in parsers, made by tools/parsers from the files in builtin/."""',
        "",
        "# ruff: noqa: E501",
        "from typing import Final",
        "",
        "from gator.parsers.definition import Entry",
        "from gator.v1 import common_pb2, spec_pb2",
        "",
        "ENTRIES: Final[tuple[Entry, ...]] = (",
    ]
    entries = [entry for file in builtin_files() for entry in builtin_entries(file)]
    lines += [f"    {_literal(entry)}," for entry in entries]
    words = shortest_words(word for entry in entries for word in entry.words)
    lines += [
        ")",
        '"""In the order of their precedence."""',
        f"WORDS: Final[tuple[str, ...]] = {words!r}",
        '"""Each line that an entry recognises has one of them, in some case; none contains another."""',
        "",
    ]
    return "\n".join(lines)


def builtin_entries(file: ParserFile) -> list[Entry]:
    """Returns the entries of a built-in parser. Lines are not searched for those of severity INFO."""
    entries = zip(entries_of(file.parser), file.parser.entries, strict=True)
    return [
        replace(entry, words=tuple(each.words)) if entry.severity <= common_pb2.SEVERITY_INFO else entry
        for entry, each in entries
    ]


def _literal(entry: Entry) -> str:
    default = Entry(parser="", match="")
    values = [
        f"{name}={_literal_of(name, value)}"
        for name, value in asdict(entry).items()
        if name in {"parser", "match"} or value != getattr(default, name)
    ]
    return f"Entry({', '.join(values)})"


def _literal_of(name: str, value: object) -> str:
    """Returns the literal of a field; enums by name, for type checkers."""
    match name, value:
        case "severity", int():
            return f"common_pb2.{common_pb2.Severity.Name(common_pb2.Severity.ValueType(value))}"
        case "rank", int():
            return f"spec_pb2.{spec_pb2.ParserRank.Name(spec_pb2.ParserRank.ValueType(value))}"
        case _:
            return repr(value)


def parser_text(parser: spec_pb2.Parser) -> str:
    """Returns the YAML of a parser."""
    import yaml

    entries: list[dict[str, object]] = []
    for each in parser.entries:
        entry: dict[str, object] = {}
        for field, value in each.ListFields():
            if field.name == "severity":
                value = enum_name(common_pb2.Severity.DESCRIPTOR, value)
            elif field.name == "rank":
                value = enum_name(spec_pb2.ParserRank.DESCRIPTOR, value)
            elif field.name in ("then", "words"):
                value = list(value)
            entry[field.name] = value
        entries.append(entry)
    named = {"name": parser.name, "entries": entries}
    # The stubs of PyYAML leave the type of its options open.
    return cast("Any", yaml).safe_dump(named, sort_keys=False, allow_unicode=True, width=1000)


def problems_of(file: ParserFile, rules: Rules | None = None) -> list[Problem]:
    """Returns what is wrong with the entries of a parser and their examples.

    `rules` are those with which they are read; by default those of the parser alone.
    """
    rules = rules or Rules(entries_of(file.parser))
    problems = _matching_all(file)
    for entry, examples in zip(file.parser.entries, file.examples, strict=True):
        for example in examples:
            got = recognise(rules, example.text)
            recognised = next((message for message in got if message.entry.match == entry.match), None)
            if recognised is None and not entry.words and entry.severity <= common_pb2.SEVERITY_INFO:
                # Lines are not searched for such an entry, so this one may have no word.
                hit = rules.find(example.text.split("\n")[0])
                if hit is not None and hit[0].match == entry.match:
                    continue
            if recognised is None:
                what = f"by the entry {got[0].entry.match}" if got else "by no entry"
                problems.append(_problem(example.node, f"the example is recognised {what}"))
                continue
            for name, value in example.fields.items():
                actual = _field(recognised, name)
                if actual != value:
                    problems.append(_problem(example.node, f"{name} is {actual!r}, not {value!r}"))
    for other in file.others:
        for message in recognise(rules, other.text):
            if message.severity >= common_pb2.SEVERITY_ERROR and not message.entry.metric:
                problems.append(
                    _problem(other.node, f"the text is recognised by the entry {message.entry.match}")
                )
    return problems


def _matching_all(file: ParserFile) -> list[Problem]:
    """Returns the entries whose pattern matches any line, so that each line of output is a message.

    Entries that need further lines may begin in any line.
    """
    import re2

    problems: list[Problem] = []
    for entry, node in zip(file.parser.entries, file.nodes, strict=True):
        search = cast("Any", re2).compile(entry.match).search
        is_alone = entry.severity > common_pb2.SEVERITY_INFO and not (entry.then or entry.needs)
        if is_alone and all(map(search, _UNLIKE)):
            problems.append(
                _problem(node, "match: the pattern matches any line: add what only messages have")
            )
    return problems


def slow_patterns(file: ParserFile) -> list[Problem]:
    """Returns the patterns of a parser that make the search for messages slow, and why."""
    problems: list[Problem] = []
    entries = zip(entries_of(file.parser), file.nodes, strict=True)
    for entry, node in entries:
        if not entry.words:
            problems.append(
                _problem(node, "each line is tested, because match has no text of 3 characters: add words")
            )
        for word in entry.words:
            if word in _ORDINARY:
                problems.append(
                    _problem(node, f"many lines are tested, because ordinary lines have {word!r}")
                )
    return problems


def rules_for(name: str) -> Rules:
    """Returns the rules of one built-in parser, or of all for `auto`."""
    from gator.parsers.compiled import ENTRIES

    return Rules([entry for entry in ENTRIES if name in {"auto", entry.parser}])


def recognise(rules: Rules, text: str) -> Sequence[Recognised]:
    """Returns the messages in a string."""
    stream = StreamParser(rules)
    data = text.encode()
    if not data.endswith(b"\n"):
        data += b"\n"
    return [*stream.feed(1, data), *stream.finish()]


def _field(message: Recognised, name: str) -> str:
    match name:
        case "line":
            return str(message.file_line)
        case "severity":
            return enum_name(common_pb2.Severity.DESCRIPTOR, message.severity)
        case "file" | "code" | "item" | "message" | "value" | "column":
            return str(getattr(message, name))
        case _:
            return f"a field that no message has: {name}"


def _problem(node: object, message: str) -> Problem:
    mark = getattr(node, "start_mark", None)
    if mark is None:
        raise SpecError([Problem("", 0, 0, message)])
    return Problem(mark.name, mark.line + 1, mark.column + 1, message)
