"""What is said when a run has ended: each failure with all that is needed to go on from there.

The rule: the first lines of the list are the first failures; a long list is cut and says so.
"""

import shlex
from collections.abc import Iterable
from pathlib import Path

from gator.console import words
from gator.console.paper import Paper
from gator.core.gate import FAILURES
from gator.ports import RunInfo
from gator.spec.paths import slug
from gator.v1 import common_pb2 as pb
from gator.v1 import event_pb2

MOST_SHOWN = 20


class Failures:
    """The failed jobs of a run, in the order in which they ended; of many only the first are kept."""

    def __init__(self) -> None:
        self.number = 0
        self.first: list[tuple[str, event_pb2.Result]] = []

    def add(self, path: str, result: event_pb2.Result) -> bool:
        """Note a Result; whether it was that of a failed job."""
        if result.outcome not in FAILURES or result.first_failure != path:
            return False
        self.number += 1
        if len(self.first) < MOST_SHOWN:
            self.first.append((path, result))
        return True


def failure_lines(paper: Paper, folder: str, path: str, result: event_pb2.Result) -> Iterable[str]:
    """A failure: outcome, path and reason; its first error; where its output is."""
    name = paper.paint(words.outcome(result.outcome), words.OUTCOME_COLOURS[result.outcome])
    allowed = " (allowed)" if result.allow_failure else ""
    yield f"{name} {path}{allowed}: {result.message}"
    if result.HasField("first_error"):
        error = result.first_error
        where = ""
        if error.line:
            where = f"{'err' if error.stream == pb.STREAM_STDERR else 'out'}:{error.line}: "
        yield f"       first error: {where}{error.text.splitlines()[0] if error.text else ''}"
    log = Path(folder) / "logs" / f"{slug(path)}.log"
    if result.attempts:
        yield f"       log: {log}"


def write_summary(
    paper: Paper, info: RunInfo, failures: Failures, result: event_pb2.Result, wall: float
) -> None:
    """The end of a run."""
    for path, failed in failures.first:
        for line in failure_lines(paper, info.folder, path, failed):
            paper.line(line)
        if failed.attempts:
            paper.line(f"       again: gator run --only {shlex.quote('/' + path)} --seed {info.seed} SPEC")
    if failures.number > len(failures.first):
        rest = failures.number - len(failures.first)
        paper.line(f"       ... and {rest} more: gator failures -r {shlex.quote(info.folder)}")
    name = paper.paint(words.outcome(result.outcome), words.OUTCOME_COLOURS.get(result.outcome, ""))
    reason = f": {result.message}" if result.message and result.outcome != pb.OUTCOME_PASSED else ""
    paper.line(f"{name} {info.ident} in {words.clock(wall)}: {words.tally(result.jobs)}{reason}")
    paper.line(f"seed {info.seed}, folder {info.folder}")
