"""Failed and missing tests of the Test Anything Protocol in the output of a job that returns 0."""

import pytest

from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.parsing import LineParser
from gator.core.attempt.severity import Messages
from gator.v1 import common_pb2, spec_pb2

OUT = common_pb2.STREAM_STDOUT
ERROR = common_pb2.SEVERITY_ERROR


def read(out: str, *, is_cut: bool) -> Messages:
    messages = Messages()
    parser = LineParser(spec_pb2.Settings(), messages, AttemptMetrics())
    blocks = out.splitlines(keepends=True) if is_cut else [out]
    for number, block in enumerate(blocks, 1):
        lines = block.count("\n")
        messages.add(common_pb2.SEVERITY_INFO, lines, counts=False)
        parser.parse(OUT, number, block.encode(), common_pb2.Counts(info=lines))
    parser.finish()
    return messages


@pytest.mark.parametrize("is_cut", [False, True])
@pytest.mark.parametrize(
    "out",
    [
        "not ok 3 people came\n",
        "people:\nnot ok 3 people came\nthat is all\n",
        "    1..2\nnot ok 3 people came\n",
        "1..2\nok 1\nok 2\n",
        "ok 1\nok 2\n1..2\n",
        "1..0 # skip no device\n",
        "a.t ..\n1..2\nok 1\nb.t ..\n1..1\nok 1\n",
        "1..10 is a range\nok 3\n",
        "1..3\n",
        "ok 17\nok 18\n1..18\n",
    ],
)
def test_lines_that_are_not_failures_of_tap_do_not_count(out: str, is_cut: bool) -> None:
    assert read(out, is_cut=is_cut).counted(ERROR) == 0


@pytest.mark.parametrize("is_cut", [False, True])
@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("1..2\nok 1\nnot ok 2 - crc\n", "not ok 2 - crc"),
        ("not ok 1 - crc\n1..1\n", "not ok 1 - crc"),
        ("not ok 1 - crc\nok 2\n", "not ok 1 - crc"),
        ("TAP version 14\nnot ok 1 - crc\n", "not ok 1 - crc"),
    ],
)
def test_a_failed_test_counts_in_a_stream_that_is_tap(out: str, message: str, is_cut: bool) -> None:
    messages = read(out, is_cut=is_cut)
    best = messages.best(ERROR)
    assert messages.counted(ERROR) == 1
    assert best is not None
    assert best.shown.message == message


@pytest.mark.parametrize("is_cut", [False, True])
@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("1..3\nok 1\nok 2\n", "planned 3 tests, but ran 2"),
        ("ok\nok\n1..4\n", "planned 4 tests, but ran 2"),
        (
            "1..3\nok 1\nok 2\n# Looks like you planned 3 tests but ran 2.\n",
            "you planned 3 tests but ran 2.",
        ),
    ],
)
def test_tests_that_were_planned_and_did_not_run_count(out: str, message: str, is_cut: bool) -> None:
    messages = read(out, is_cut=is_cut)
    best = messages.best(ERROR)
    assert messages.counted(ERROR) == 1
    assert best is not None
    assert best.shown.message == message


def test_tap_between_many_plain_lines_is_read() -> None:
    plain = "x" * 69 + "\n"
    lines = [plain * 100 + line for line in ("1..3\n", "ok 1\n", "not ok 2 - crc\n")]
    messages = Messages()
    parser = LineParser(spec_pb2.Settings(), messages, AttemptMetrics())
    for number, block in enumerate([*lines, plain * 100]):
        count = block.count("\n")
        messages.add(common_pb2.SEVERITY_INFO, count, counts=False)
        parser.parse(OUT, 1 + 101 * number, block.encode(), common_pb2.Counts(info=count))
    parser.finish()
    assert messages.counted(ERROR) == 1


@pytest.mark.parametrize("tests", [1, 2])
def test_missing_tests_between_many_plain_lines_count(tests: int) -> None:
    plain = "a line of a program\n" * 500
    out = plain + "1..3\n" + "".join(plain + f"ok {number + 1}\n" for number in range(tests))
    messages = read(out, is_cut=False)
    best = messages.best(ERROR)
    assert best is not None
    assert best.shown.message == f"planned 3 tests, but ran {tests}"
