"""The built-in parsers: each file's examples, and what the engine needs of their patterns."""

import math
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from gator.parsers import Recognised, StreamParser
from gator.parsers.check import FOLDER, builtin_entries, builtin_files, compiled_text, problems_of
from gator.parsers.compiled import ENTRIES
from gator.parsers.definition import Entry
from gator.parsers.rules import Rules
from gator.spec import ParserFile, keys
from gator.spec.keys import ENTRY_PATTERNS
from gator.v1 import common_pb2

MAX_LINES_SEEN = 2000
parse_pattern: Any = getattr(re, "_parser").parse  # noqa: B009


@cache
def files() -> tuple[ParserFile, ...]:
    return tuple(builtin_files())


@cache
def rules() -> Rules:
    return Rules([entry for file in files() for entry in builtin_entries(file)])


def examples() -> list[tuple[Entry, str]]:
    return [
        (entry, example.text)
        for file in files()
        for entry, found in zip(builtin_entries(file), file.examples, strict=True)
        for example in found
    ]


@cache
def corpus() -> bytes:
    texts = [text for _, text in examples()] + [other.text for file in files() for other in file.others]
    return b"".join(text.rstrip("\n").encode() + b"\n\n" for text in texts)


def named(file: ParserFile) -> str:
    return file.parser.name


@pytest.mark.parametrize("file", files(), ids=named)
def test_examples_are_read_as_they_say_by_all_parsers_together(file: ParserFile) -> None:
    assert [f"{problem.line}: {problem.message}" for problem in problems_of(file, rules())] == []


@pytest.mark.parametrize("file", files(), ids=named)
def test_each_entry_has_an_example(file: ParserFile) -> None:
    assert [
        entry.match for entry, found in zip(builtin_entries(file), file.examples, strict=True) if not found
    ] == []


ENTRY_EXAMPLES, FILE_EXAMPLES = 3, 10


def texts_of(items: Any) -> float:
    """The number of texts that a parsed pattern matches, infinite with a class or a repeat."""
    number = 1.0
    for name, value in ((str(item[0]), item[1]) for item in items):
        match name:
            case "LITERAL" | "AT":
                pass
            case "SUBPATTERN":
                number *= texts_of(value[3])
            case "BRANCH":
                number *= sum(map(texts_of, value[1]))
            case "MAX_REPEAT" if value[:2] == (0, 1):
                number *= 1 + texts_of(value[2])
            case _:
                return math.inf
    return number


@pytest.mark.parametrize("file", files(), ids=named)
def test_each_entry_has_three_examples_unless_it_is_one_text(file: ParserFile) -> None:
    few: list[str] = []
    for entry, found in zip(builtin_entries(file), file.examples, strict=True):
        distinct = {example.text.strip() for example in found}
        if len(distinct) < min(ENTRY_EXAMPLES, texts_of(parse_pattern(entry.match))):
            few.append(entry.match)
    assert few == []


@pytest.mark.parametrize("file", files(), ids=named)
def test_each_parser_has_ten_lines_of_its_tools(file: ParserFile) -> None:
    lines = {line for found in file.examples for example in found for line in example.text.split("\n")}
    assert len(lines - {""}) + len(file.others) >= FILE_EXAMPLES


@pytest.mark.parametrize("file", files(), ids=named)
def test_each_parser_has_texts_in_which_it_recognises_nothing(file: ParserFile) -> None:
    assert file.others
    assert file.about


def test_each_example_has_a_word_of_its_entry() -> None:
    for entry, text in examples():
        if entry.severity > common_pb2.SEVERITY_INFO:
            assert entry.words, entry.match
            assert any(word in text.lower() for word in entry.words), (entry.words, text)


def test_words_are_long() -> None:
    # A short word is found in nearly every line, and each such line costs a test with all patterns.
    words = {word for entry in ENTRIES for word in entry.words}
    assert {word for word in words if len(word) < 3 and word.isascii()} == set()


def test_patterns_have_no_counted_repeats() -> None:
    counted = re.compile(r"(?<!\\)\{\d+(?:,\d*)?\}")
    assert [
        pattern
        for entry in ENTRIES
        for name in ENTRY_PATTERNS
        if counted.search(pattern := getattr(entry, name))
    ] == []


def test_names_are_those_of_the_files() -> None:
    names = {path.stem for path in FOLDER.glob("*.yaml")}
    assert {"auto", *names} == set(keys.PARSERS)
    assert {file.parser.name for file in files()} == names


def test_compiled_module_is_in_step_with_the_files() -> None:
    import ast

    path = Path(FOLDER).with_name("compiled.py")
    assert ast.dump(ast.parse(path.read_text())) == ast.dump(ast.parse(compiled_text())), "run tools/parsers"


def test_re2_and_re_find_the_same_groups() -> None:
    module = cast("Any", re2)
    for file in files():
        texts = [one.text for found in file.examples for one in found] + [other.text for other in file.others]
        lines = sorted({line for text in texts for line in text.split("\n")})
        for entry in builtin_entries(file):
            for pattern in filter(None, (getattr(entry, name) for name in ENTRY_PATTERNS)):
                fast, plain = module.compile(pattern), re.compile(pattern, re.ASCII)
                for line in lines:
                    one, other = fast.search(line), plain.search(line)
                    assert (one and one.groupdict()) == (other and other.groupdict()), (pattern, line)


def parse(blocks: list[bytes]) -> list[Recognised]:
    stream = StreamParser(rules())
    found: list[Recognised] = []
    number = 1
    for block in blocks:
        found += stream.feed(number, block)
        number += block.count(b"\n")
    return [*found, *stream.finish()]


@cache
def whole() -> list[Recognised]:
    return parse([corpus()])


PART_LINES = 300


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_chunking_gives_the_same_messages(data: st.DataObject) -> None:
    lines = corpus().splitlines(keepends=True)
    start = data.draw(st.integers(0, len(lines) - PART_LINES))
    lines = lines[start : start + PART_LINES]
    cuts = data.draw(st.lists(st.integers(1, len(lines) - 1), max_size=40, unique=True).map(sorted))
    blocks = [b"".join(lines[start:end]) for start, end in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
    assert parse(blocks) == parse([b"".join(lines)])


def test_single_lines_give_the_same_messages() -> None:
    assert parse(corpus().splitlines(keepends=True)) == whole()


class CountingRules(Rules):
    """Counts how often a pattern is searched for."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        super().__init__(entries)
        self.calls: Counter[str] = Counter()

    def find(self, line: str, after: Entry | None = None) -> "tuple[Entry, re.Match[str]] | None":
        self.calls["find"] += 1
        return super().find(line, after)

    def pattern(self, pattern: str) -> Any:
        self.calls["pattern"] += 1
        return super().pattern(pattern)


def work(data: bytes) -> int:
    counting = CountingRules(rules().entries)
    stream = StreamParser(counting)
    stream.feed(1, data)
    stream.finish()
    return counting.calls.total()


def test_work_is_linear_in_the_number_of_lines() -> None:
    data = corpus()
    once, eight = work(data), work(data * 8)
    assert eight <= 8 * once * 1.05
    assert once <= 12 * data.count(b"\n")


@pytest.mark.parametrize(
    "line",
    [
        b"__________ test_x __________\n",
        b"Error: x\n",
        b"warning: x\n",
        b"Traceback (most recent call last):\n",
    ],
)
def test_work_is_linear_for_messages_that_never_end(line: bytes) -> None:
    assert work(line * MAX_LINES_SEEN) <= 12 * MAX_LINES_SEEN


def test_ordinary_lines_of_simulations_are_not_candidates() -> None:
    line = "UVM_INFO ./tb/drv.sv(58) @ 39467032: uvm_test_top.env.agent[5].drv [DRV] item 3 done and sent"
    assert [entry.match for entry in ENTRIES if any(word in line.lower() for word in entry.words)] == []
