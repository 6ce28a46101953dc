"""The lines about failures during a run, and the block at its end.

Invariant: the block has at most 40 lines. Up to five failures are listed individually in the order of their
ends; more are grouped by cause: new ones first, then those that came back, then the most frequent.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from msgspec.structs import replace

from gator.console import describe
from gator.console.messages import painted_outcome
from gator.console.terminal import Terminal
from gator.console.text import one_line
from gator.core.attempt.results.verdict import limit_advice
from gator.core.causes.failed_tests import causes_in
from gator.core.history.cause_rules import CauseRules
from gator.core.history.failure_groups import MAX_LISTED_FAILURES, Causes
from gator.core.launch import rerun
from gator.core.launch.printed import about_node, command, in_folder
from gator.core.outcomes import FAILURES, WITHOUT_OUTPUT, explained_by_message, tally_size, wrote_nothing
from gator.path_patterns import slug
from gator.ports import STATES_TO_LIST, EarlierRuns, RunInfo
from gator.units import plural, span
from gator.v1 import common_pb2, event_pb2

MAX_CAUSES = 5
"""Maximum number of causes in the block, each with an example."""
MAX_LINES = 10
"""Maximum number of failures of one cause that are printed individually during the run."""
MAX_ALL_LINES = 50
"""Maximum number of failures of all causes that are printed individually during the run."""
KEPT_FOR_FIRSTS = 20
"""Number of these lines that are reserved for the first failure of a cause."""
MAX_LIMITS = 3
"""Maximum number of limits on failures in the block that kept jobs from starting."""
Failure: TypeAlias = tuple[str, event_pb2.Result]
"""Path and Result of a job."""
FindEarlierRuns: TypeAlias = Callable[[Iterable[str]], EarlierRuns]
"""Returns what earlier runs tell about causes, which are given by their names or signatures."""


def no_earlier_runs(causes: Iterable[str]) -> EarlierRuns:
    """Returns that nothing is known of earlier runs."""
    del causes
    return EarlierRuns()


class Failures:
    """The failed jobs of a run: keeps the first few, and the first one of each cause."""

    def __init__(self, find_earlier_runs: FindEarlierRuns, rules: CauseRules) -> None:
        self.causes = Causes[Failure]()
        self.first: list[Failure] = []
        self.first_allowed: list[Failure] = []
        self._find_earlier_runs, self._rules = find_earlier_runs, rules
        self._advice: dict[str, tuple[str, int]] = {}
        """Changes with which messages beyond a limit would be accepted: the first job and their number."""
        self.first_with_invalid = ""
        """Path of the first job with lines that look like commands but are not valid; empty if none has."""
        self.first_with_warning = ""
        """Path of the first job about which Gator has a warning; empty if there is none."""
        self.allowed_jobs = event_pb2.Tally()
        """Number of jobs whose failure is allowed, by outcome."""
        self.groups = 0
        """Number of groups that failed themselves, because of a contract or a hook."""
        self.held: dict[str, int] = {}
        """Number of jobs that were not started because of `max_fail` or `max_fail_per_cause`, by message."""
        self._above_held: set[str] = set()
        """Paths of groups with such jobs below."""
        self.noisy = 0
        """Number of jobs that passed although their output has errors."""
        self._above_noisy: set[str] = set()
        """Paths of groups with such output below."""
        self._counts: dict[str, int] = {}
        self._lines = 0

    def line(self, terminal: Terminal, path: str, result: event_pb2.Result) -> str:
        """Returns the line to print for a new failure; empty if it is only counted.

        After the first ten failures of a cause there is a line at 50, 100, 500, 1,000 and so on. Once the
        causes have used up the lines of a run, there is only a line at these numbers of all failures.
        """
        key = self._rules.key_of(path, result)
        count = self._counts[key] = self._counts.get(key, 0) + 1
        left = MAX_ALL_LINES - self._lines
        if left > 0 and count <= (MAX_LINES if left > KEPT_FOR_FIRSTS else 1):
            self._lines += 1
            return failure_line(terminal, path, result)
        if left > KEPT_FOR_FIRSTS:
            if not _is_counter(count):
                return ""
            return f"{failure_line(terminal, path, result)} ({count:,} of this cause so far)"
        return f"{self.causes.headline()} so far" if _is_counter(self.causes.number) else ""

    def add(self, path: str, result: event_pb2.Result) -> bool:
        """Counts a Result; returns whether it is that of a failed job."""
        if result.counts.error or result.counts.critical:
            self._add_noisy(path, result)
        if result.invalid_commands:
            # Results of groups come after those of their jobs.
            self.first_with_invalid = self.first_with_invalid or path
        if result.gator_warnings:
            self.first_with_warning = self.first_with_warning or path
        if result.reason == common_pb2.REASON_MAX_FAIL:
            self._add_held(path, result)
        if result.outcome not in FAILURES or result.first_failure != path:
            return False
        if advice := limit_advice(result):
            first, count = self._advice.get(advice, (path, 0))
            self._advice[advice] = first, count + 1
        if not result.jobs.failed and not result.jobs.lost:
            self.groups += 1
        failure = path, result
        is_allowed = result.allow_failure and "/" in path
        if is_allowed:
            self.causes.allowed += 1
            self.allowed_jobs.failed += result.jobs.failed
            self.allowed_jobs.lost += result.jobs.lost
        else:
            self.causes.add({self._rules.key_of(path, one): (path, one) for one in causes_in(result)})
        listed = self.first_allowed if is_allowed else self.first
        if len(listed) < MAX_LISTED_FAILURES:
            listed.append(failure)
        return True

    def earlier_runs(self) -> EarlierRuns:
        """Returns what earlier runs tell about the causes; reads them, so it is called once."""
        return self._find_earlier_runs(list(self.causes.keys()))

    def advice(self) -> Iterable[str]:
        """Yields changes with which messages beyond a limit would be accepted, with the jobs they are for."""
        for advice, (path, count) in self._advice.items():
            more = f" and {plural(count - 1, 'other job')}" if count > 1 else ""
            yield f"{path}{more}: {advice}"

    def note(self, failure: Failure, earlier: EarlierRuns, *, more: int = 0) -> str:
        """Returns state, name and ticket of the cause of a failure, and the number of others that have it."""
        path, result = failure
        state = earlier.states.get(self._rules.key_of(path, result), "")
        parts = [state] if state in STATES_TO_LIST else []
        if (rule := self._rules.rule_of(path, result)) is not None:
            parts.append(f"{rule.name}, {rule.ticket}" if rule.ticket else rule.name)
        if more:
            parts.append(f"and {more:,} more of this cause")
        return f" ({'; '.join(parts)})" if parts else ""

    def _add_held(self, path: str, result: event_pb2.Result) -> None:
        # Results of groups come after those of their jobs, and have the same reason.
        if path not in self._above_held:
            self.held[result.message] = self.held.get(result.message, 0) + result.jobs.cancelled
        _add_above(self._above_held, path)

    def _add_noisy(self, path: str, result: event_pb2.Result) -> None:
        # Results of groups come after those of their jobs, and have their counts.
        if path not in self._above_noisy and result.outcome == common_pb2.OUTCOME_PASSED:
            self.noisy += 1
        _add_above(self._above_noisy, path)


def _add_above(paths: set[str], path: str) -> None:
    """Adds the paths of all nodes above a node."""
    while path:
        path = path.rpartition("/")[0]
        paths.add(path)


def _is_counter(count: int) -> bool:
    """Returns whether a number is 1 or 5 times a power of ten."""
    return str(count).rstrip("0") in ("1", "5")


def failure_line(terminal: Terminal, path: str, result: event_pb2.Result) -> str:
    """Returns a failure in one line: outcome, path and reason."""
    name = painted_outcome(terminal, result.outcome)
    allowed = " (allowed)" if result.allow_failure else ""
    return f"{name} {path}{allowed}: {one_line(result.message)}"


def _first_error(result: event_pb2.Result) -> Iterable[str]:
    """Yields a line with the first error; only its position if the message has the rest."""
    if not result.HasField("first_error"):
        return
    error = result.first_error
    text = describe.headline(error)
    parts = [describe.line_place(error), "" if text in one_line(result.message) else text]
    if said := ": ".join(filter(None, parts)):
        yield f"       {describe.error_name(error)}: {said}"


def _whole(terminal: Terminal, info: RunInfo, failure: Failure, note: str) -> Iterable[str]:
    """Yields the lines about one failure: reason, first error, text log and the command that reruns it."""
    path, result = failure
    yield failure_line(terminal, path, result) + note
    yield from _first_error(result)
    if tests := describe.failed_tests(result.failed_tests):
        yield f"       tests: {tests}"
    messages = about_node("logs", path, in_folder(info.folder), "--long")
    if result.reason == common_pb2.REASON_HANG:
        yield f"       hang: {messages}"
    if result.reason != common_pb2.REASON_NOT_STARTED and explained_by_message(
        result.reason, result.first_error
    ):
        yield f"       output: {messages}"
    elif _has_log(info, result) and not _is_empty(log := text_log(info.folder, path), result):
        yield f"       log: {log}"
    yield f"       again: {again(info, '' if info.single else path)}"


def _has_log(info: RunInfo, result: event_pb2.Result) -> bool:
    """Returns whether a failure has a text file with output."""
    if not info.text_logs or not result.attempts or result.reason in WITHOUT_OUTPUT:
        return False
    # A group whose contract is broken has no output of its own. A job counts itself as failed or lost.
    return not tally_size(result.jobs) or bool(result.jobs.failed or result.jobs.lost)


def _is_empty(log: Path, result: event_pb2.Result) -> bool:
    """Returns whether a job wrote nothing: by its file, or by its Result if the file cannot be read."""
    try:
        return log.stat().st_size == 0
    except OSError:
        return wrote_nothing(result.reason, has_error=result.HasField("first_error"))


def text_log(folder: str, path: str) -> Path:
    """Returns the file with the output of a failed job."""
    return Path(folder) / "logs" / f"{slug(path)}.log"


def again(info: RunInfo, path: str = "") -> str:
    """Returns the command that reruns one job, or the whole run, in the same way."""
    job_seed = info.job_seeds.get(path)
    return rerun.rerun_command(
        launch_to_rerun(info), info.seed, path, repeats=info.repeats, job_seed=job_seed
    )


def launch_to_rerun(info: RunInfo) -> rerun.Launched:
    """Returns the launch of a run, as commands that rerun it name the spec."""
    return replace(info.launch, spec=info.spec if Path(info.spec).is_file() else rerun.STDIN)


def _causes(terminal: Terminal, info: RunInfo, failures: Failures, earlier: EarlierRuns) -> Iterable[str]:
    """Yields an example of each cause: new ones first, then those that came back."""
    causes = failures.causes
    for cause in sorted(causes.by_frequency(), key=lambda cause: earlier.rank(cause.key))[:MAX_CAUSES]:
        note = failures.note(cause.example, earlier, more=cause.count - 1)
        yield from _whole(terminal, info, cause.example, note)
    if len(causes) > MAX_CAUSES:
        yield f"... and {plural(len(causes) - MAX_CAUSES, 'more cause')}"


def _allowed(terminal: Terminal, failures: Failures) -> Iterable[str]:
    """Yields a line for each of the first allowed failures."""
    for failure in failures.first_allowed:
        yield failure_line(terminal, *failure)
    if more := failures.causes.allowed - len(failures.first_allowed):
        yield f"... and {plural(more, 'more allowed failure')}"


def _commands(info: RunInfo) -> Iterable[str]:
    """Yields the commands that show and repeat all failures."""
    yield f"details: {command('failures', where=in_folder(info.folder))}"
    yield f"again: {rerun.again_failed(launch_to_rerun(info), info.folder)}"


def write_summary(
    terminal: Terminal, info: RunInfo, failures: Failures, result: event_pb2.Result, wall_nanos: int
) -> None:
    """Prints the block at the end of a run."""
    lines: list[str] = []
    earlier = EarlierRuns()
    if (failures.first or failures.first_allowed) and not info.single:
        earlier = failures.earlier_runs()
        lines += ["", f"{failures.causes.headline(earlier.headline)}:"]
    if failures.causes.number > MAX_LISTED_FAILURES:
        lines += [
            *_causes(terminal, info, failures, earlier),
            *_allowed(terminal, failures),
            *_commands(info),
        ]
    else:
        for failure in failures.first:
            lines += _whole(terminal, info, failure, failures.note(failure, earlier))
        lines += _allowed(terminal, failures)
    if failures.first and (needs := launch_to_rerun(info).needs):
        lines.append(f"needs: {needs}")
    lines += failures.advice()
    if result.invalid_commands:
        lines.append(_about_invalid(info, failures.first_with_invalid, result.invalid_commands))
    if result.gator_warnings and not info.single:
        lines.append(_about_warnings(info, failures.first_with_warning, result.gator_warnings))
    if failures.noisy:
        lines.append(_about_noisy(info, failures.noisy))
    if result.jobs.flaky and not info.single:
        lines.append(_about_flaky(info, result.jobs.flaky))
    lines += _about_held(failures.held)
    if (stopped := result.jobs.cancelled - sum(failures.held.values())) > 0 and not info.single:
        rest = rerun.rest_command(launch_to_rerun(info), info.folder)
        lines.append(f"{plural(stopped, 'job')} {'was' if stopped == 1 else 'were'} cancelled: {rest}")
    name = painted_outcome(terminal, result.outcome)
    reason = _reason(info, failures, result)
    groups = f", {plural(failures.groups, 'group')} failed" if failures.groups else ""
    tally = f"{describe.tally(result.jobs, failures.allowed_jobs)}{groups}"
    lines.append(f"{name} {info.ident} in {span(wall_nanos)}: {tally}{reason}")
    lines.append(f"seed {info.seed}, folder {info.folder}")
    terminal.write("".join(f"{terminal.safe(line)}\n" for line in lines))


def _about_held(held: dict[str, int]) -> Iterable[str]:
    """Yields which limits on failures were reached, and the number of jobs that were not started."""
    for message, count in list(held.items())[:MAX_LIMITS]:
        yield f"{plural(count, 'job')} {'was' if count == 1 else 'were'} {one_line(message)}"
    if more := sum(list(held.values())[MAX_LIMITS:]):
        yield f"... and {plural(more, 'more job')} because of other limits"


def _about_flaky(info: RunInfo, count: int) -> str:
    """Returns the number of jobs that passed after a failed attempt, with the command that lists them."""
    see = command("tree", "--flaky", where=in_folder(info.folder))
    return f"{plural(count, 'job')} passed only after a failed attempt: {see}"


def _about_noisy(info: RunInfo, count: int) -> str:
    """Returns the note that jobs passed although their output has errors."""
    its, it = ("its", "it") if count == 1 else ("their", "them")
    see = command("tree", "--noisy", where=in_folder(info.folder))
    return (
        f"{plural(count, 'job')} passed with errors in {its} output: `--parser auto` makes {it} fail; "
        f"see {it} with `{see}`"
    )


def _about_invalid(info: RunInfo, path: str, count: int) -> str:
    """Returns the note that commands in the output of jobs were not carried out."""
    it = "looks like a command but is" if count == 1 else "look like commands but are"
    see = command("logs", "--long", path, where=in_folder(info.folder))
    return f"{plural(count, 'line')} {it} not valid: `{see}` shows why"


def _about_warnings(info: RunInfo, path: str, count: int) -> str:
    """Returns the note that Gator has warnings about jobs."""
    see = command("logs", "--long", path, where=in_folder(info.folder))
    first = " for the first" if count > 1 else ""
    return f"{plural(count, 'warning')} about jobs: see `{see}`{first}"


def _reason(info: RunInfo, failures: Failures, result: event_pb2.Result) -> str:
    if result.outcome == common_pb2.OUTCOME_PASSED or not result.message or (info.single and failures.first):
        return ""
    # The reason of a single failed job was printed just above.
    if any(failed.message == result.message for _, failed in failures.first):
        return ""
    return f": {one_line(result.message)}"
