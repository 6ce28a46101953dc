"""Lines such as `::gator log …` are commands: the vectors of the docs, and any cutting of the output."""

import json
import re
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gator.core.attempt.commands import CommandError, OutputCommand, command_line, parse_command
from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.output import Output
from gator.core.attempt.severity import Messages
from gator.enum_names import enum_name
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2

OUT, ERR = common_pb2.STREAM_STDOUT, common_pb2.STREAM_STDERR
VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[5] / "docs" / "vectors" / "lines.json").read_text()
)
Record: TypeAlias = dict[str, Any]
MILLI = 1_000_000


class Ran:
    """The output of an attempt, fed in pieces, and what was recorded of it."""

    def __init__(self, pieces: list[tuple[common_pb2.Stream.ValueType, bytes]], **settings: Any) -> None:
        self.messages, self.metrics = Messages(), AttemptMetrics()
        job = spec_pb2.Job(command="x", settings=spec_pb2.Settings(**settings))
        launch = attach_pb2.LaunchNode(path="top", attempt=1, job=job)
        output = Output(launch, 0, self.messages, self.metrics)
        self.events: list[event_pb2.Event] = []
        for at, (stream, data) in enumerate(pieces):
            now = at * 50 * MILLI
            self.events += output.flush_due(now)
            self.events += output.feed(stream, data, now, now)
        self.events += output.finish()
        self.artefacts = output.artefacts
        self.invalid = output.invalid_commands

    @property
    def records(self) -> list[Record]:
        """What was recorded but the blocks and the warnings of Gator."""
        return [
            _record(event) for event in self.events if not event.HasField("block") and not _is_warning(event)
        ]

    @property
    def warnings(self) -> list[str]:
        return [event.log.text for event in self.events if _is_warning(event)]


def _is_warning(event: event_pb2.Event) -> bool:
    return event.HasField("log") and event.log.logger == "gator"


def _record(event: event_pb2.Event) -> Record:
    """Returns an event in the form of the vectors."""
    if event.HasField("log"):
        log = event.log
        found: Record = {
            "severity": enum_name(common_pb2.Severity.DESCRIPTOR, log.severity),
            "line": log.line,
            "text": log.text,
            "fields": dict(log.fields),
        }
        found |= {
            key: getattr(log, key)
            for key in ("code", "file", "file_line", "file_column")
            if getattr(log, key)
        }
        return {"log": found}
    if event.HasField("metric"):
        kind = enum_name(event_pb2.MetricKind.DESCRIPTOR, event.metric.kind)
        return {
            "metric": {
                "name": event.metric.name,
                "value": event.metric.value,
                "unit": event.metric.unit,
                "kind": kind,
            }
        }
    if event.HasField("progress"):
        made = event.progress
        return {
            "progress": ({"done": made.done, "total": made.total} if made.HasField("total") else {})
            | {"text": made.text}
        }
    return {
        "artefact": {"name": event.artefact.name, "file": event.artefact.file, "text": event.artefact.text}
    }


@pytest.mark.parametrize("vector", VECTORS["commands"], ids=lambda vector: vector["line"])
def test_a_line_is_the_command_of_its_vector(vector: Record) -> None:
    if vector.get("error"):
        with pytest.raises(CommandError):
            parse_command(vector["line"])
        return
    wanted = vector["command"]
    command = parse_command(vector["line"])
    assert (command and {"verb": command.verb, "fields": command.fields, "text": command.text}) == wanted
    if vector.get("canonical"):
        assert command_line(wanted["verb"], wanted["fields"], wanted["text"]) == vector["line"]


@pytest.mark.parametrize("vector", VECTORS["outputs"], ids=lambda vector: vector["about"])
def test_an_output_is_recorded_as_its_vector_says(vector: Record) -> None:
    ran = Ran([(OUT, vector["output"].encode())])
    wanted = [
        {"log": {"fields": {}} | record["log"]} if "log" in record else record for record in vector["records"]
    ]
    assert ran.records == wanted
    lines = [int(match[1]) for text in ran.warnings if (match := re.match(r"line (\d+) of stdout", text))]
    assert lines == vector.get("warnings", [])


_KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
_VALUES = st.text(
    st.characters(exclude_categories=("Cs",)) | st.sampled_from("%:, \t\r\n=\x85\xa0\u2003\u2028")
).filter(lambda value: not re.search(r"[\x00-\x08\v\f\x0e-\x1f\x7f]", value))


@given(
    st.from_regex(r"[a-z]{1,9}", fullmatch=True),
    st.dictionaries(_KEYS, _VALUES, max_size=5),
    st.none() | _VALUES.filter(lambda text: text == text.rstrip()),
)
@example("log", {"a": "x\u00a0y", "b": "\u2028"}, "z")
@example("log", {"a": "::", "b": "%3A"}, "::gator log::%0A%")
@example("log", {"a": ""}, "")
def test_what_is_written_is_read_back(verb: str, fields: dict[str, str], text: str | None) -> None:
    line = command_line(verb, fields, text)
    assert "\n" not in line and "\r" not in line
    assert parse_command(line) == OutputCommand(verb, fields, text)


_LINES = st.sampled_from(
    [
        "::gator log severity=error::broken",
        "::gator log severity=warning a=1::odd%0Atwo",
        "::gator metric name=m value=3",
        "::gator progress value=7",
        "::gator nonsense",
        "::gator artefact path=a/b",
        "::group::build",
        "::endgroup::",
        "::gator stop::w",
        "::w::",
        "::error file=a.c,line=3::bad",
        "::",
        "plain",
        "",
        "::gator log::last\r",
        "\x1b[31m::gator log severity=error::red\x1b[0m",
        "\x1b[1m\x1b[31m::error::red",
        "\x1b[31mred ::gator log::no",
        "Traceback (most recent call last):",
        "ValueError: x",
    ]
)


@given(st.lists(st.tuples(st.sampled_from([OUT, ERR]), _LINES), max_size=20), st.data())
def test_any_cutting_and_interleaving_gives_the_same_records(
    lines: list[tuple[common_pb2.Stream.ValueType, str]], data: st.DataObject
) -> None:
    texts = {
        stream: "".join(f"{line}\n" for each, line in lines if each == stream).encode()
        for stream in (OUT, ERR)
    }
    whole = Ran([(stream, text) for stream, text in texts.items() if text])
    pieces: list[tuple[common_pb2.Stream.ValueType, bytes]] = []
    while any(texts.values()):
        stream = data.draw(st.sampled_from([stream for stream, text in texts.items() if text]))
        size = data.draw(st.integers(1, 40))
        pieces.append((stream, texts[stream][:size]))
        texts[stream] = texts[stream][size:]
    cut = Ran(pieces)
    for ran in (whole, cut):
        ran.events = [event for event in ran.events if not event.HasField("progress")]
    assert sorted(map(json.dumps, cut.records)) == sorted(map(json.dumps, whole.records))
    assert cut.messages.counts() == whole.messages.counts()
    assert cut.messages.counts_for_limits() == whole.messages.counts_for_limits()
    assert cut.messages.best(common_pb2.SEVERITY_ERROR) == whole.messages.best(common_pb2.SEVERITY_ERROR)


@pytest.mark.parametrize("stderr", ["AUTO", "INFO", "WARNING", "ERROR"])
def test_a_message_counts_and_other_commands_do_not_whatever_stderr_means(stderr: str) -> None:
    text = b"::gator log severity=error::broken\n::gator metric name=m value=1\n::gator progress value=1\n"
    ran = Ran([(ERR, text)], stderr=spec_pb2.StderrMode.Value(f"STDERR_MODE_{stderr}"))
    counted = ran.messages.counts_for_limits()
    assert (counted.error, counted.warning) == (1, 0)
    counts = ran.messages.counts()
    assert (counts.error, counts.warning, counts.info) == (1, 0, 2)
    blocks = common_pb2.Counts()
    for event in ran.events:
        blocks.MergeFrom(event.block.counts)
    assert (blocks.error, blocks.warning, blocks.info) == (1, 0, 2)


def test_a_coloured_command_is_found_in_much_output() -> None:
    text = b"\x1b[1mline\x1b[0m\n" * 1000
    ran = Ran([(OUT, text + b"\x1b[31m::gator log severity=error::red\x1b[0m\n" + text)])
    assert [(record["log"]["line"], record["log"]["text"]) for record in ran.records] == [(1001, "red")]


@pytest.mark.parametrize("lines", [1, 2000])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"bar 10%\r::gator log severity=error::over\n", ["over"]),
        (b"bar 10%\r\x1b[2K::gator log severity=error::over\r\n", ["over"]),
        (b"::gator log severity=error::early\r::gator log severity=error::late\n", ["late"]),
        (b"::gator log severity=error::early\rdone\n", []),
        (b"::gator log severity=error::crlf\r\n", ["crlf"]),
    ],
)
def test_of_a_line_that_overwrites_itself_the_last_state_may_be_a_command(
    line: bytes, expected: list[str], lines: int
) -> None:
    text = b"plain line\n" * lines
    ran = Ran([(OUT, text + line + text)])
    assert [(record["log"]["line"], record["log"]["text"]) for record in ran.records] == [
        (lines + 1, each) for each in expected
    ]


def test_the_message_of_a_command_explains_the_failure() -> None:
    ran = Ran([(OUT, b"x\n::gator log severity=error file=a.c line=3 code=E1::broken%0Abadly\n")])
    choice = ran.messages.best(common_pb2.SEVERITY_ERROR)
    assert choice is not None
    shown = choice.shown
    assert (shown.text, shown.line, shown.file, shown.file_line, shown.code) == (
        "broken\nbadly",
        2,
        "a.c",
        3,
        "E1",
    )


def test_commands_that_are_off_are_plain_lines() -> None:
    text = b"::gator log severity=error::no\n::error file=a.c,line=1::no\n::warning::no\n::group::no\n"
    ran = Ran([(OUT, text)], commands=False)
    assert not ran.records and not ran.warnings
    assert ran.messages.counts() == common_pb2.Counts(info=4)


def test_the_piece_of_a_long_line_is_not_a_command() -> None:
    long = b"x" * 600_000
    ran = Ran([(OUT, long), (OUT, b"::gator log::no\n::gator log::yes\n")])
    assert [record["log"]["text"] for record in ran.records] == ["yes"]


def test_a_flood_of_commands_is_counted_and_not_recorded() -> None:
    lines = b"".join(
        b"::gator log severity=error::e\n::gator metric name=m value=%d kind=sum\n::gator progress::%d\n"
        % (1, at)
        for at in range(12_000)
    )
    ran = Ran([(OUT, lines)])
    kinds = [next(iter(record)) for record in ran.records]
    assert kinds.count("log") == 10_000
    # A thousand values, and batches with those after them.
    assert 1_000 < kinds.count("metric") < 1_020
    assert kinds.count("progress") == 1_000
    assert ran.messages.counts().error == 12_000
    assert ran.metrics.totals()[0].value == 12_000


def test_the_newest_artefact_of_a_name_counts_and_their_number_is_bounded() -> None:
    lines = b"".join(b"::gator artefact name=a%d path=p\n" % at for at in range(120))
    ran = Ran([(OUT, lines + b"::gator artefact name=a0 path=q\n")])
    assert ran.artefacts is not None
    assert [made.file for made in ran.artefacts.list] == ["q", *["p"] * 99]
    assert len(ran.warnings) == 1


def test_each_invalid_command_is_counted_though_not_each_gives_a_warning() -> None:
    ran = Ran([(OUT, b"::gator lgo::x\n::gator lgo::y\n"), (ERR, b"::gator metric name=a\nplain\n")])
    assert (ran.invalid, len(ran.warnings)) == (3, 2)
