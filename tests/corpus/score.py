"""Measures verdicts, first errors and grouping by signature on logs whose truth is known.

    python tests/corpus/score.py [--signatures] [TEXT]

Prints what is wrong and the figures; with TEXT only of causes whose names contain it. With --signatures it
prints the signature of each failure instead, to compare those of two versions.
"""

import sys
from collections import defaultdict
from itertools import combinations
from pathlib import Path

from msgspec import Struct

sys.path.insert(0, str(Path(__file__).parents[2]))

from gator.core.attempt.actions import Exit, Finished
from gator.core.attempt.machine import Wrapper
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2
from tests.corpus.corpus import Log, logs

LINE_CHARACTERS = 60
"""Maximum length of the beginning of the true line that must be in the first error."""


class Reading(Struct, frozen=True):
    """What Gator says of a log."""

    log: Log
    failed: bool
    signature: str
    first_error: str
    message: str
    code: str
    item: str

    @property
    def is_first_error_right(self) -> bool:
        """Whether the first error has the line that a person would quote."""
        return self.log.line[:LINE_CHARACTERS].strip() in self.first_error


class Score(Struct, frozen=True):
    """How well the failures are explained and grouped."""

    precision: float
    recall: float
    first_errors: float
    merged: list[tuple[str, str]]
    """Pairs of causes that share a signature."""
    split: list[str]
    """Causes with more than one signature."""


def reading_of(log: Log) -> Reading:
    """Returns what Gator says of a job that prints a log."""
    job = spec_pb2.Job(command="x")
    wrapper = Wrapper(attach_pb2.LaunchNode(path="top/x", attempt=1, cores=1, job=job), 0, 0)
    wrapper.on_spawned(0, event_pb2.Started(pid=7))
    for stream, text in ((common_pb2.STREAM_STDOUT, log.stdout), (common_pb2.STREAM_STDERR, log.stderr)):
        if text:
            wrapper.on_output(10, stream, text.encode())
        wrapper.on_eof(20, stream)
    wrapper.on_exited(30, Exit(log.exit_code, None, user_nanos=0, system_nanos=0, peak_memory=0))
    actions = wrapper.on_left_over(30, [])
    (end,) = [action.finished for action in actions if isinstance(action, Finished)]
    failed = end.outcome == common_pb2.OUTCOME_FAILED
    error = end.first_error
    return Reading(log, failed, end.signature, error.text, error.message, error.code, error.item)


def score_of(readings: list[Reading]) -> Score:
    """Returns the score of failures: B-cubed precision and recall, and right first errors."""
    by_cause: dict[str, list[Reading]] = defaultdict(list)
    by_signature: dict[str, list[Reading]] = defaultdict(list)
    for one in readings:
        by_cause[one.log.cause].append(one)
        by_signature[one.signature].append(one)

    def mean(groups: list[tuple[int, int]]) -> float:
        return sum(part / whole for part, whole in groups) / len(groups)

    shared = [sum(other.signature == one.signature for other in by_cause[one.log.cause]) for one in readings]
    sizes = [(len(by_signature[one.signature]), len(by_cause[one.log.cause])) for one in readings]
    lined = [one for one in readings if one.log.line]
    pairs = {
        pair
        for group in by_signature.values()
        for pair in combinations(sorted({one.log.cause for one in group}), 2)
    }
    return Score(
        precision=mean([(part, size) for part, (size, _) in zip(shared, sizes, strict=True)]),
        recall=mean([(part, size) for part, (_, size) in zip(shared, sizes, strict=True)]),
        first_errors=sum(one.is_first_error_right for one in lined) / max(1, len(lined)),
        merged=sorted(pairs),
        split=sorted(name for name, group in by_cause.items() if len({one.signature for one in group}) > 1),
    )


def main() -> None:
    """Prints what is wrong, and the figures."""
    words = [word for word in sys.argv[1:] if word != "--signatures"]
    text = words[0] if words else ""
    readings = [reading_of(log) for log in logs() if text in log.cause]
    if "--signatures" in sys.argv:
        for line in sorted(
            f"{one.log.cause}.{one.log.variant}\t{one.signature}" for one in readings if one.failed
        ):
            print(line)
        return
    for one in readings:
        name = f"{one.log.cause}.{one.log.variant}"
        if one.failed != one.log.is_failure:
            print(f"verdict  {name}: {'failed' if one.failed else 'passed'}: {one.first_error[:100]!r}")
        elif one.failed and not one.is_first_error_right:
            print(f"first    {name}: wanted {one.log.line!r}, got {one.first_error[:100]!r}")
    failures = [one for one in readings if one.log.is_failure]
    wrong = sum(one.failed != one.log.is_failure for one in readings)
    if failures:
        score = score_of(failures)
        for pair in score.merged:
            print("merged  ", *pair)
        for cause in score.split:
            print("split   ", cause)
        print(
            f"{len(failures)} failures of {len({one.log.cause for one in failures})} causes: "
            f"precision {score.precision:.3f}, recall {score.recall:.3f}, "
            f"first errors {score.first_errors:.3f}"
        )
    print(f"{len(readings)} logs, {wrong} verdicts wrong")


if __name__ == "__main__":
    main()
