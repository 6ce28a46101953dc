"""What is said when a run has ended: each failure with all that is needed to go on from there.

The rule: the first lines of the list are the first failures; a long list is cut and says so.
"""

import shlex
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from gator.console import words
from gator.console.cells import one_line
from gator.console.paper import Paper
from gator.core import again as repeats
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


def failure_lines(paper: Paper, info: RunInfo, path: str, result: event_pb2.Result) -> Iterable[str]:
    """A failure: outcome, path and reason; its first error; where its output is."""
    name = paper.paint(words.outcome(result.outcome), words.OUTCOME_COLOURS[result.outcome])
    allowed = " (allowed)" if result.allow_failure else ""
    yield f"{name} {path}{allowed}: {one_line(result.message)}"
    if result.HasField("first_error"):
        error = result.first_error
        where = ""
        if error.line:
            where = f"{'err' if error.stream == pb.STREAM_STDERR else 'out'}:{error.line}: "
        yield f"       first error: {where}{one_line(error.text)}"
    if result.attempts and info.text_logs:
        yield f"       log: {text_log(info.folder, path)}"


def text_log(folder: str, path: str) -> Path:
    """The file with the output of a failed job."""
    return Path(folder) / "logs" / f"{slug(path)}.log"


def again(info: RunInfo, path: str = "") -> str:
    """The command that runs one job, or all, once more in the same way."""
    spec = info.spec if Path(info.spec).is_file() else repeats.STDIN
    return repeats.again(replace(info.launch, spec=spec), info.seed, path)


def write_summary(
    paper: Paper, info: RunInfo, failures: Failures, result: event_pb2.Result, wall: float
) -> None:
    """The end of a run."""
    lines: list[str] = []
    if failures.number > 1:
        lines += ["", f"{words.plural(failures.number, 'job')} failed:"]
    for path, failed in failures.first:
        lines += failure_lines(paper, info, path, failed)
        lines.append(f"       again: {again(info, '' if info.single else path)}")
    if failures.number > len(failures.first):
        rest = failures.number - len(failures.first)
        lines.append(f"       ... and {rest} more: gator failures -r {shlex.quote(info.folder)}")
    name = paper.paint(words.outcome(result.outcome), words.OUTCOME_COLOURS.get(result.outcome, ""))
    reason = f": {one_line(result.message)}" if result.outcome != pb.OUTCOME_PASSED and result.message else ""
    lines.append(f"{name} {info.ident} in {words.clock(wall)}: {words.tally(result.jobs)}{reason}")
    lines.append(f"seed {info.seed}, folder {info.folder}")
    paper.write("".join(f"{line}\n" for line in lines))
