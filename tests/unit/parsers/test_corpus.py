"""What Gator says of logs of real tools is what an expert would say."""

from functools import cache

import pytest

from tests.corpus.corpus import FOLDER, Log, logs, pairs, read
from tests.corpus.score import Reading, reading_of, score_of

BAR = 0.95


@cache
def readings() -> tuple[Reading, ...]:
    return tuple(reading_of(log) for log in logs())


def test_each_log_that_failed_fails_and_each_other_passes() -> None:
    assert [one.log.cause for one in readings() if one.failed != one.log.is_failure] == []


def test_the_first_error_is_the_line_that_a_person_would_quote() -> None:
    score = score_of([one for one in readings() if one.log.is_failure])
    assert score.first_errors >= BAR


def test_causes_are_told_apart_and_their_variants_are_not() -> None:
    score = score_of([one for one in readings() if one.log.is_failure])
    assert score.precision >= BAR
    assert score.recall >= BAR
    assert len(score.merged) <= 1


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_each_true_line_is_in_its_log(path: object) -> None:
    missing = [
        f"{log.cause}.{log.variant}"
        for log in read((FOLDER / f"{getattr(path, 'stem', '')}.txt").read_text())
        if log.line and log.line not in log.stdout + log.stderr
    ]
    assert missing == []


def signature_of(line: str) -> str:
    log = Log("pair", 0, 1, is_failure=True, line="", stdout="", stderr=f"{line}\n")
    return reading_of(log).signature


def test_lines_have_one_signature_exactly_if_they_have_one_cause() -> None:
    assert [
        (one, other)
        for is_one_cause, one, other in pairs()
        if (signature_of(one) == signature_of(other)) != is_one_cause
    ] == []
