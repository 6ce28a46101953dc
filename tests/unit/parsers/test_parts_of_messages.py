"""Lines before the first one, after the last one and in the middle of a message."""

import pytest

from gator.parsers import Entry, Recognised, Rules, StreamParser
from gator.parsers.check import rules_for
from gator.v1 import common_pb2, spec_pb2

BAD = Entry(parser="ours", match=r"^BAD (?P<message>.*)$", words=("bad ",))
STACK = Entry(
    parser="ours", match="^  in call$", before=r"^(?P<message>\S.*)$", continues="^  ", words=("in call",)
)
RAISED = Entry(
    parser="ours",
    match="^Trace:$",
    continues="^ ",
    until=r"^(?P<code>\w+Error): (?P<message>.*)$",
    where=r"^ (?P<file>\S+):(?P<line>\d+)$",
    tail=r"\S",
    words=("trace:",),
)
OVER = Entry(parser="ours", match="^gave up$", rank=spec_pb2.PARSER_RANK_CONSEQUENCE, words=("gave up",))


def parse(text: str, *entries: Entry, cut: int | None = None) -> list[Recognised]:
    stream = StreamParser(Rules(entries))
    lines = text.splitlines(keepends=True)
    found: list[Recognised] = []
    for at, piece in enumerate(lines if cut else [text]):
        found += stream.feed(at + 1, piece.encode())
    return [*found, *stream.finish()]


@pytest.mark.parametrize("cut", [None, 1])
def test_the_line_before_begins_the_message(cut: int | None) -> None:
    (found,) = parse("hello\nno clock\n  in call\n  f 3\nbye\n", STACK, BAD, cut=cut)
    assert (found.line, found.key_line, found.message) == (2, 2, "no clock")
    assert found.lines == ["no clock", "  in call", "  f 3"]


@pytest.mark.parametrize("cut", [None, 1])
def test_messages_that_follow_each_other_share_the_line_before_the_first(cut: int | None) -> None:
    entry = Entry(
        parser="ours",
        match=r"^  (?P<line>\d+) BAD (?P<message>.*)$",
        before=r"^(?P<file>\S+\.c)$",
        words=("bad ",),
    )
    text = "a.c\n  3 BAD x\n  4 BAD y\n\nb.c\n  5 BAD z\nother\n  6 BAD w\n"
    found = parse(text, entry, cut=cut)
    assert [(one.file, one.file_line, one.key_line, one.message) for one in found] == [
        ("a.c", 3, 2, "x"),
        ("a.c", 4, 3, "y"),
        ("b.c", 5, 6, "z"),
        ("", 6, 8, "w"),
    ]


@pytest.mark.parametrize("cut", [None, 1])
def test_a_line_of_another_message_is_not_taken(cut: int | None) -> None:
    first, second = parse("BAD clock\n  in call\n", STACK, BAD, cut=cut)
    assert (first.message, second.line, second.lines) == ("clock", 2, ["  in call"])


def test_there_need_be_no_line_before() -> None:
    assert [found.line for found in parse("  in call\n", STACK)] == [1]


def test_a_message_that_began_in_the_line_before_is_tried_with_the_next_entry() -> None:
    needy = Entry(
        parser="needy", match="^BAD ", before=r"^(?P<message>\S.*)$", then=("^never$",), words=("bad ",)
    )
    (found,) = parse("hello\nBAD x\nend\n", needy, BAD)
    assert (found.entry.parser, found.line, found.message) == ("ours", 2, "x")


@pytest.mark.parametrize("cut", [None, 1])
@pytest.mark.parametrize("end", ["", "\n", "gave up\n", "\ngave up\n"])
def test_lines_after_the_last_are_text_of_it_at_the_end(end: str, cut: int | None) -> None:
    text = f"Trace:\n a.py:3\nOSError: cannot link\nno -lfoo\n{end}"
    found = parse(text, RAISED, OVER, cut=cut)[0]
    assert (found.message, found.key_line, found.code) == ("cannot link\nno -lfoo", 3, "OSError")
    assert found.lines[-1] == "no -lfoo"


@pytest.mark.parametrize("cut", [None, 1])
@pytest.mark.parametrize("end", ["\nmore\n", "BAD x\n", "plain\n" * 30])
def test_lines_after_the_last_are_not_text_of_it_if_the_program_went_on(end: str, cut: int | None) -> None:
    found = parse(f"Trace:\n a.py:3\nOSError: cannot link\nplain\n{end}", RAISED, BAD, cut=cut)
    assert found[0].message == "cannot link"
    assert [one.message for one in found[1:]] == (["x"] if "BAD" in end else [])


def test_a_known_line_is_text_only_after_a_colon() -> None:
    (found,) = parse("Trace:\nOSError: it said:\nBAD x\n", RAISED, BAD)
    assert found.message == "it said:\nBAD x"
    first, second = parse("Trace:\nOSError: stopped\nBAD x\n", RAISED, BAD)
    assert (first.message, second.message, second.line) == ("stopped", "x", 3)


@pytest.mark.parametrize("cut", [None, 1])
def test_a_message_that_is_too_long_keeps_its_ends(cut: int | None) -> None:
    frames = "".join(f" a.py:{number}\n" for number in range(1, 2001))
    (found,) = parse(f"hello\nTrace:\n{frames}DepthError: too deep\n", RAISED, cut=cut)
    assert (found.code, found.file_line, found.line, found.key_line) == ("DepthError", 2000, 2, 2003)
    assert len(found.lines) <= 500
    assert found.lines[1] == " a.py:1"
    assert found.last_line == 2003


def test_the_place_in_the_code_of_the_user_is_preferred_to_those_in_libraries() -> None:
    text = "Trace:\n sim/run.py:7\n /venv/lib/python3.11/site-packages/yaml/reader.py:3\nReadError: x\n"
    (found,) = parse(text, RAISED)
    assert (found.file, found.file_line) == ("sim/run.py", 7)
    (found,) = parse(text.replace(" sim/run.py:7\n", ""), RAISED)
    assert found.file == "/venv/lib/python3.11/site-packages/yaml/reader.py"


DEEP = "RuntimeError: cannot build\nld: cannot find -lfoo\n"


def test_the_further_lines_of_an_exception_of_python_are_text_of_it() -> None:
    stream = StreamParser(rules_for("auto"))
    text = f'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    f()\n{DEEP}'
    found = [*stream.feed(1, text.encode()), *stream.finish()]
    # The second line is a message of the linker.
    assert [one.message for one in found] == ["cannot build", "cannot find -lfoo"]
    stream = StreamParser(rules_for("auto"))
    text = text.replace("build\n", "build:\n")
    (one,) = [*stream.feed(1, text.encode()), *stream.finish()]
    assert one.message == "cannot build:\nld: cannot find -lfoo"
    assert one.severity == common_pb2.SEVERITY_ERROR


SEVERAL = Entry(
    parser="ours",
    match=r"^Fault: (?P<message>.*)$",
    continues=r"^  |^(?P<message>\S.*)$",
    needs="^  at ",
    words=("fault: ",),
)


@pytest.mark.parametrize("cut", [None, 1])
def test_lines_before_the_needed_one_are_text_of_the_message(cut: int | None) -> None:
    (found,) = parse("Fault: a:\nno reply\nagain\n  at f\nother\n", SEVERAL, BAD, cut=cut)
    assert found.message == "a:\nno reply\nagain"
    assert found.lines == ["Fault: a:", "no reply", "again", "  at f"]


@pytest.mark.parametrize("cut", [None, 1])
def test_a_message_does_not_become_part_of_another(cut: int | None) -> None:
    found = parse("Fault: retry 1\nconnecting\nFault: gone\n  at f\nBAD x\n", SEVERAL, BAD, cut=cut)
    assert [(one.line, one.message) for one in found] == [(3, "gone"), (5, "x")]


@pytest.mark.parametrize(
    "after", ["Aborted", "./x.sh: line 3: 3257 Aborted                 (core dumped) ./w", ""]
)
def test_the_text_of_a_cpp_exception_has_all_its_lines(after: str) -> None:
    text = f"terminate called after throwing an instance of 'E'\n  what():  config:\nkey a\n  b\n{after}\n"
    stream = StreamParser(rules_for("auto"))
    first, *_ = [*stream.feed(1, text.encode()), *stream.finish()]
    assert first.message == "config:\nkey a\n  b"
