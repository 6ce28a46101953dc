"""Problem matchers of VS Code and GitHub are parsers as they are."""

import json
import re
from typing import Any, cast

import pytest
import re2

from gator.enum_names import enum_name
from gator.errors import SpecError
from gator.parsers import Recognised, Rules, StreamParser, entries_of
from gator.spec import load, load_parser
from gator.spec.builders.recognition.named_matchers import NAMED
from gator.spec.builders.recognition.regexp import Regexp, RegexpError
from gator.v1 import common_pb2

TASKS = """\
{
\t// written by hand
\t"version": "2.0.0", /* and "quoted"
\t   over lines */
\t"tasks": [
\t\t{"label": "http://x", "problemMatcher": {
\t\t\t"owner": "cpp", "fileLocation": ["relative", "${workspaceFolder}"],
\t\t\t"background": {"activeOnStart": true, "beginsPattern": "^x"},
\t\t\t"pattern": {"regexp": "^(.*):(\\\\d+):(\\\\d+): (warning|error): (.*)$", "kind": "location",
\t\t\t\t"file": 1, "line": 2, "column": 3, "severity": 4, "message": 5, }
\t\t}},
\t\t{"label": "lint", "problemMatcher": ["$eslint-stylish", "$tsc"]},
\t],
}
"""


def parse(text: str, lines: str, file: str = "tasks.json") -> list[Recognised]:
    stream = StreamParser(Rules(entries_of(load_parser(text, file=file).parser)))
    return [*stream.feed(1, lines.encode()), *stream.finish()]


def shown(message: Recognised) -> tuple[str, str, int, int, str, str]:
    severity = enum_name(common_pb2.Severity.DESCRIPTOR, message.severity)
    return severity, message.file, message.file_line, message.column, message.code, message.message


def problems(text: str, file: str = "m.json") -> list[str]:
    with pytest.raises(SpecError) as caught:
        load_parser(text, file=file)
    return [str(problem) for problem in caught.value.problems]


def test_a_whole_tasks_json_with_comments_is_read() -> None:
    found = parse(TASKS, "a.c:3:5: warning: odd\nb.c:4:6: error: bad\nsrc/x.ts(3,5): error TS2322: nope\n")
    assert [shown(message) for message in found] == [
        ("warning", "a.c", 3, 5, "", "odd"),
        ("error", "b.c", 4, 6, "", "bad"),
        ("error", "src/x.ts", 3, 5, "TS2322", "nope"),
    ]


STYLISH = (
    "/proj/a.js\n  1:2  error    No semicolon  semi\n  5:10  warning  x is unused  no-unused-vars\n\n"
    "1 problem\n"
)


@pytest.mark.parametrize("file", ["vscode", "github"])
def test_the_last_of_several_lines_is_repeated_with_the_file_of_the_first(file: str) -> None:
    matcher = {
        "owner": "lint",
        "severity": "warning",
        "pattern": [
            {"regexp": r"^([^\s].*)$", "file": 1},
            {
                "regexp": r"^\s+(\d+):(\d+)\s+(error|warning|info)\s+(.*)\s\s+(.*)$",
                "line": 1,
                "column": 2,
                "severity": 3,
                "message": 4,
                "code": 5,
                "loop": True,
            },
        ],
    }
    text = json.dumps({"problemMatcher": [matcher]} if file == "github" else matcher)
    found = parse(text, STYLISH + STYLISH)
    assert [shown(message) for message in found] == 2 * [
        ("error", "/proj/a.js", 1, 2, "semi", "No semicolon"),
        ("warning", "/proj/a.js", 5, 10, "no-unused-vars", "x is unused"),
    ]
    assert [message.key_line for message in found] == [2, 3, 7, 8]
    assert found[0].entry.parser == f"{file}:lint"


LINES = {
    "$gcc": ("src/a.c:3:5: fatal error: x.h: no", ("error", "src/a.c", 3, 5, "", "x.h: no")),
    "$msCompile": (
        "1>c:\\p\\a.cs(3,5): error CS0103: no name",
        ("error", "c:\\p\\a.cs", 3, 5, "CS0103", "no name"),
    ),
    "$cpp": ("a.cpp(7): warning C4101: unused", ("warning", "a.cpp", 7, 0, "C4101", "unused")),
    "$csc": ("a.cs(1,2,1,9): error CS1002: ; expected", ("error", "a.cs", 1, 2, "CS1002", "; expected")),
    "$vb": ("a.vb(1,2): error BC30451: no", ("error", "a.vb", 1, 2, "BC30451", "no")),
    "$gulp-tsc": ("a.ts(1,2): 1005 ';' expected", ("error", "a.ts", 1, 2, "1005", "';' expected")),
    "$lessc": ("bad rule in file a.less line no. 7", ("error", "a.less", 7, 0, "", "bad rule")),
    "$lessCompile": ("bad rule in file a.less line no. 7", ("error", "a.less", 7, 0, "", "bad rule")),
    "$jshint": (
        "a.js: line 3, col 5, Missing semicolon. (W033)",
        ("warning", "a.js", 3, 5, "033", "Missing semicolon."),
    ),
    "$jshint-stylish": (
        "a.js\n  line 3  col 5  Missing semicolon. (E033)",
        ("error", "a.js", 3, 5, "033", "Missing semicolon."),
    ),
    "$eslint-compact": (
        "/p/a.js: line 3, col 5, Warning - no. (semi)",
        ("warning", "/p/a.js", 3, 5, "semi", "no."),
    ),
    "$eslint-stylish": ("/p/a.js\n  3:5  warning  no  semi", ("warning", "/p/a.js", 3, 5, "semi", "no")),
    "$go": ("./a.go:3:5: undefined: x", ("error", "./a.go", 3, 5, "", "undefined: x")),
    "$tsc": ("a.ts(3,5): error TS2322: no", ("error", "a.ts", 3, 5, "TS2322", "no")),
    "$tsc-watch": ("a.ts:3:5 - error TS2322: no", ("error", "a.ts", 3, 5, "TS2322", "no")),
    "$rustc": ("error[E0308]: no\n  --> src/a.rs:3:5", ("error", "src/a.rs", 3, 5, "E0308", "no")),
    "$rustc-watch": ("warning: no\n --> a.rs:3:5", ("warning", "a.rs", 3, 5, "", "no")),
}


@pytest.mark.parametrize("name", sorted(f"${name}" for name in NAMED))
def test_a_matcher_with_a_name_reads_a_line_of_its_tool(name: str) -> None:
    text, wanted = LINES[name]
    assert [shown(message) for message in parse(json.dumps({"problemMatcher": name}), text + "\n")] == [
        wanted
    ]


def test_groups_that_a_pattern_of_vscode_does_not_say_have_their_defaults() -> None:
    pattern: dict[str, Any] = {"regexp": r"^(\S+):(\d+):(\d+) (.*)$"}
    (message,) = parse(json.dumps({"pattern": pattern}), "a.c:3:5 bad\n")
    assert shown(message) == ("error", "a.c", 3, 5, "", "a.c:3:5 bad")
    pattern = {"regexp": r"^(\S+) is bad$", "kind": "file"}
    (message,) = parse(json.dumps({"pattern": pattern}), "a.c is bad\n")
    assert shown(message)[1:3] == ("a.c", 0)
    github = {"problemMatcher": [{"owner": "x", "pattern": [{"regexp": "^(bad) (.*)$", "message": 2}]}]}
    (message,) = parse(json.dumps(github), "bad day\n")
    assert shown(message)[1:] == ("", 0, 0, "", "day")


def test_a_matcher_may_change_one_with_a_name() -> None:
    matcher = {"base": "$go", "owner": "vet", "severity": "warning"}
    (message,) = parse(json.dumps(matcher), "a.go:3:5: odd\n")
    assert (message.severity, message.entry.parser) == (common_pb2.SEVERITY_WARNING, "vscode:vet")


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ("(?=x)", "look-ahead"),
        ("(?!a(b)c)", "look-ahead"),
        ("(?<=x)", "look-behind"),
        ("(?<!x)", "look-behind"),
        (r"\1", "back-reference"),
        (r"\k<n>", "back-reference"),
    ],
)
def test_what_re2_lacks_is_quoted_at_its_place(part: str, what: str) -> None:
    written = part.replace("\\", "\\\\")
    text = f'{{"pattern": {{\n  "regexp": "^(a){written}$", "message": 1}}}}'
    assert problems(text) == [f"m.json:2:18: regexp: RE2 has no {what}: write the pattern without {part}"]


def test_all_mistakes_are_reported_at_once() -> None:
    text = (
        '{"tasks": [{"problemMatcher": "$gc"},\n'
        '{"problemMatcher": {"pattern": {"regexp": "^(a)$", "line": 2}}},\n'
        '{"problemMatcher": {"pattern": {"regexp": "^(a$"}}},\n'
        '{"problemMatcher": {"severity": "bad", "pattern": [{"file": 1}]}}]}'
    )
    found = problems(text)
    assert [problem.partition(": ")[0] for problem in found] == [
        "m.json:1:31",
        "m.json:2:43",
        "m.json:3:43",
        "m.json:4:52",
    ]
    assert "did you mean '$gcc'" in found[0]
    assert "regexp has 1 group" in found[1]


def test_a_file_without_a_matcher_is_a_mistake() -> None:
    assert "there is no problem matcher in this file" in problems('{"version": "2.0.0"}')[0]


def test_a_spec_names_files_with_matchers() -> None:
    files = {
        "x/tasks.json": TASKS.encode(),
        "x/gh.json": b'{"problemMatcher": [{"owner": "o", "pattern": [{"regexp": "^B (.)", "message": 1}]}]}',
    }
    items = "uvm, {vscode: ./tasks.json}, {github: gh.json}, {vscode: $go}, ./gh.json"
    text = f"!Job {{command: x, parsers: [{items}]}}"
    job = load(text, file="x/spec.yaml", read=files.__getitem__).spec.job
    parsers = job.settings.parsers.list
    assert [parser.name for parser in parsers] == ["uvm", "vscode", "github:o", "vscode:go", "github:o"]
    assert [len(parser.entries) for parser in parsers] == [0, 3, 1, 1, 1]


def test_a_mistake_in_such_a_file_is_reported_with_its_own_place() -> None:
    bad = b'{"pattern":\n {"regexp": "(?!x)"}}'
    with pytest.raises(SpecError) as caught:
        load(
            "!Job {command: x, parsers: [{vscode: t.json}]}", file="s.yaml", read={"t.json": bad}.__getitem__
        )
    assert str(caught.value.problems[0]).startswith("t.json:2:14: regexp: RE2 has no look-ahead")


@pytest.mark.parametrize(
    ("source", "text", "matches"),
    [
        (r"^\/a\-b\u0041\x42$", "/a-bAB", True),
        (r"^[^]$", "\n", True),
        (r"^[[\]]+$", "[]", True),
        (r"^[\b]$", "\b", True),
        (r"^a\_b$", "a_b", True),
        (r"^(?:a|b)(?<name>c)(d)$", "bcd", True),
        (r"^[(](x)$", "(x", True),
        (r"^\((x)\)$", "(x)", True),
        (r"^\d{1,3}$", "1234", False),
        (r"^\u{1F600}$", "\U0001f600", True),
    ],
)
def test_the_syntax_of_javascript_is_converted(source: str, text: str, matches: bool) -> None:
    regexp = Regexp(source, {0: ["message"], 1: ["code"]})
    found = cast("Any", re2).search(regexp.pattern, text)
    assert (found is not None) == matches


def test_groups_are_counted_as_in_javascript() -> None:
    regexp = Regexp(r"(a)(?:b)[(](?<n>c)\((d)", {2: ["code", "item"], 3: ["file"]})
    assert regexp.groups == 3
    found = re.search(regexp.pattern, "ab(c(d")
    assert found is not None and found.groupdict() == {"code": "c", "item": "c", "file": "d"}
    with pytest.raises(RegexpError):
        Regexp("[]a", {})


def test_a_character_in_two_halves_is_one() -> None:
    text = r"""{"pattern": {"regexp": "^\ud83d\ude00 (.*)$", "message": 1}}"""
    assert [message.message for message in parse(text, "\U0001f600 bad\n", "look.json")] == ["bad"]


def test_a_task_without_a_matcher_may_say_so() -> None:
    text = """{"tasks": [{"label": "a", "problemMatcher": null}, {"label": "b", "problemMatcher": "$gcc"}]}"""
    assert [message.file for message in parse(text, "a.c:3:5: error: bad\n")] == ["a.c"]


@pytest.mark.parametrize("file", ["look.json", "ours.yaml"])
def test_an_empty_file_is_told_what_a_parser_needs(file: str) -> None:
    with pytest.raises(SpecError, match="the file is empty: write name and entries, or in JSON"):
        load_parser("", file=file)
    spec = f"!Job {{ident: a, command: x, parsers: [./{file}]}}"
    with pytest.raises(SpecError, match="the file is empty: write name and entries, or in JSON"):
        load(spec, file="a.yaml", read=lambda name: b"")


def test_a_problem_in_a_named_file_says_where_the_spec_names_it() -> None:
    files = {"m.json": b'{"pattern": {"regexp": "^(a$"}}', "ours.yaml": b"name: ours\nentries: 3\n"}
    text = "!Job\ncommand: x\nparsers:\n- {vscode: m.json}\n- ./ours.yaml\n- {match: '('}\n"
    with pytest.raises(SpecError) as raised:
        load(text, file="spec.yaml", read=files.__getitem__)
    found = [str(problem) for problem in raised.value.problems]
    assert [problem.partition(": ")[0] for problem in found] == [
        "m.json:1:24",
        "ours.yaml:2:10",
        "spec.yaml:6:11",
    ]
    assert found[0].endswith(" (named at spec.yaml:4:3)")
    assert found[1].endswith(" (named at spec.yaml:5:3)")
    assert "named at" not in found[2]
