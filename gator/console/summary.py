"""What is said when a run has ended: each failure with all that is needed to go on from there.

The rule: a few failures are told one by one in the order of their ends, of more each cause with its first
failure, the most frequent cause first; a long list is cut and says so.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from msgspec.structs import replace

from gator.console import words
from gator.console.cells import one_line
from gator.console.paper import Paper
from gator.core import again as repeats
from gator.core.amounts import plural, span
from gator.core.causes import FEW, Causes
from gator.core.gate import FAILURES
from gator.core.printed import command, in_folder
from gator.ports import RunInfo
from gator.spec.paths import slug
from gator.v1 import common_pb2 as pb
from gator.v1 import event_pb2

MOST_SHOWN = 10
"""Causes of which an example is shown."""
MAX_LINES = 10
"""Maximum number of failures of one cause that are printed individually during the run."""
MAX_ALL_LINES = 50
"""Maximum number of failures of all causes that are printed individually during the run."""
KEPT_FOR_FIRSTS = 20
"""Number of these lines that are reserved for the first failure of a cause."""
Failure: TypeAlias = tuple[str, event_pb2.Result]
"""Path and Result of a job."""


class Failures:
    """The failed jobs of a run; the first few are kept, and of each cause the first one."""

    def __init__(self) -> None:
        self.causes = Causes[Failure]()
        self.first: list[Failure] = []
        self._counts: dict[str, int] = {}
        self._lines = 0

    def line(self, paper: Paper, path: str, result: event_pb2.Result) -> str:
        """Returns the line to print for a new failure; empty if it is only counted.

        After the first ten failures of a cause there is a line at 50, 100, 500, 1,000 and so on. Once the
        causes have used up the lines of a run, there is only a line at these numbers of all failures.
        """
        count = self._counts[result.signature] = self._counts.get(result.signature, 0) + 1
        left = MAX_ALL_LINES - self._lines
        if left > 0 and count <= (MAX_LINES if left > KEPT_FOR_FIRSTS else 1):
            self._lines += 1
            return failure_line(paper, path, result)
        if left > KEPT_FOR_FIRSTS:
            if not _is_counter(count):
                return ""
            return f"{failure_line(paper, path, result)} ({count:,} of this cause so far)"
        return f"{self.causes.headline()} so far" if _is_counter(self.causes.number) else ""

    def add(self, path: str, result: event_pb2.Result) -> bool:
        """Note a Result; whether it was that of a failed job."""
        if result.outcome not in FAILURES or result.first_failure != path:
            return False
        failure = path, result
        self.causes.add(result.signature, failure)
        if len(self.first) < FEW:
            self.first.append(failure)
        return True


def _is_counter(count: int) -> bool:
    """Returns whether a number is 1 or 5 times a power of ten."""
    return str(count).rstrip("0") in ("1", "5")


def failure_line(paper: Paper, path: str, result: event_pb2.Result) -> str:
    """A failure in one line, for the moment when it happens: outcome, path and reason."""
    name = paper.paint(words.outcome(result.outcome), words.OUTCOME_COLOURS[result.outcome])
    allowed = " (allowed)" if result.allow_failure else ""
    return f"{name} {path}{allowed}: {one_line(result.message)}"


def _whole(paper: Paper, info: RunInfo, failure: Failure) -> Iterable[str]:
    """All about a failure: its line; its first error; where its output is; how to run it again."""
    path, result = failure
    yield failure_line(paper, path, result)
    if result.HasField("first_error") and one_line(result.first_error.text) not in one_line(result.message):
        error = result.first_error
        where = ""
        if error.line:
            where = f"{'err' if error.stream == pb.STREAM_STDERR else 'out'}:{error.line}: "
        yield f"       first error: {where}{one_line(error.text)}"
    if result.attempts and info.text_logs:
        yield f"       log: {text_log(info.folder, path)}"
    yield f"       again: {again(info, '' if info.single else path)}"
    if info.launch.needs:
        yield f"       needs: {info.launch.needs}"


def text_log(folder: str, path: str) -> Path:
    """The file with the output of a failed job."""
    return Path(folder) / "logs" / f"{slug(path)}.log"


def again(info: RunInfo, path: str = "") -> str:
    """The command that runs one job, or all, once more in the same way."""
    spec = info.spec if Path(info.spec).is_file() else repeats.STDIN
    launch = replace(info.launch, spec=spec)
    job_seed = info.job_seeds.get(path)
    return repeats.again(launch, info.seed, path, repeats=info.repeats, job_seed=job_seed)


def _causes(paper: Paper, info: RunInfo, causes: Causes[Failure]) -> Iterable[str]:
    """An example of each cause, and where the others are."""
    where = in_folder(info.folder)
    for cause in causes.by_frequency()[:MOST_SHOWN]:
        yield from _whole(paper, info, cause.example)
        if cause.count > 1:
            more = f"{cause.count - 1:,} more of this cause"
            others = command("failures", "--cause", cause.signature, where=where)
            yield f"       ... and {more}: {others}"
    if len(causes) > MOST_SHOWN:
        more = plural(len(causes) - MOST_SHOWN, "more cause")
        yield f"... and {more}: {command('failures', where=where)}"
    yield f"all failures: {command('failures', '--all', where=where)}"


def write_summary(
    paper: Paper, info: RunInfo, failures: Failures, result: event_pb2.Result, wall_nanos: int
) -> None:
    """The end of a run."""
    lines: list[str] = []
    if failures.causes.number > FEW:
        lines += ["", f"{failures.causes.headline()}:", *_causes(paper, info, failures.causes)]
    else:
        if failures.first and not info.single:
            lines += ["", f"{plural(failures.causes.number, 'job')} failed:"]
        for failure in failures.first:
            lines += _whole(paper, info, failure)
    name = paper.paint(words.outcome(result.outcome), words.OUTCOME_COLOURS.get(result.outcome, ""))
    reason = _reason(info, failures, result)
    lines.append(f"{name} {info.ident} in {span(wall_nanos)}: {words.tally(result.jobs)}{reason}")
    lines.append(f"seed {info.seed}, folder {info.folder}")
    paper.write("".join(f"{paper.safe(line)}\n" for line in lines))


def _reason(info: RunInfo, failures: Failures, result: event_pb2.Result) -> str:
    if result.outcome == pb.OUTCOME_PASSED or not result.message or (info.single and failures.first):
        return ""
    # That of a single job that failed stands just above.
    if any(failed.message == result.message for _, failed in failures.first):
        return ""
    return f": {one_line(result.message)}"
