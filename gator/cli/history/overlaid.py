"""Overlays reruns on a run, and finds the rerun in which its failures passed."""

from collections.abc import Iterator, Sequence

from gator.cli.history.pruned import prevented
from gator.core.causes.failed_tests import causes_in
from gator.core.history.cause_rules import CauseRules
from gator.core.history.overlay import Ended, EndedNodes, OverlaidJob, clearing_rerun, overlay_outcomes
from gator.core.launch.parameters import params_of_runs
from gator.core.outcomes import FAILURES, has_failed_itself
from gator.errors import GatorError, UserError
from gator.ports import History
from gator.v1 import common_pb2, query_pb2

_ENDED = (common_pb2.OUTCOME_PASSED, *sorted(FAILURES))


def overlaid_jobs(
    history: History, run: query_pb2.Run, reruns: Sequence[query_pb2.Run], *, passed: bool = False
) -> dict[str, OverlaidJob]:
    """Returns the jobs of a run with its reruns overlaid; its passed jobs only if `passed` is set.

    Groups that failed themselves are among them.
    """
    # A list of runs has no command lines, so these runs are fetched individually.
    params = params_of_runs(history.full_run(each) for each in (run, *reruns))
    runs = [(run, _ENDED if passed else sorted(FAILURES)), *((rerun, _ENDED) for rerun in reruns)]
    ended = EndedNodes()

    def nodes(run: query_pb2.Run, outcomes: Sequence[common_pb2.Outcome.ValueType]) -> Iterator[Ended]:
        for node in history.nodes(run, outcomes, only_jobs=False):
            if node in ended:
                yield node.path, node.outcome, node.seed

    jobs = overlay_outcomes(((each.id, nodes(each, outcomes)) for each, outcomes in runs), params)
    for path in ended.groups():
        jobs[path].is_group = True
    return jobs


def add_passed_in(history: History, run: query_pb2.Run) -> None:
    """Sets the rerun in which all failures of a run passed, which a hub has set already."""
    if not run.parent and run.result.outcome in FAILURES and not run.passed_in:
        run.passed_in = passed_rerun(history, run, run.ident)


def passed_rerun(history: History, run: query_pb2.Run, path: str) -> str:
    """Returns the id of the last rerun in which failures at a node or below it passed.

    Returns an empty string if one of them has not passed, if a pruned job has not run since, or if one of the
    runs cannot be read.
    """
    try:
        reruns = history.reruns(run)
        # A run from a list of outcomes has no more than its id and its ident.
        whole = history.run(run.id) if reruns and not run.argv else run
        if not reruns or whole is None:
            return ""
        jobs = overlaid_jobs(history, whole, reruns)
        pruned = [node.path for node in prevented(history.nodes(whole, [common_pb2.OUTCOME_PRUNED]))]
    except (GatorError, UserError):
        return ""
    below = f"{path}/"
    if any(name not in jobs and name.startswith(below) for name in pruned):
        return ""
    at = [name for name in jobs if name == path or name.startswith(below)]
    return clearing_rerun(jobs, at, [rerun.id for rerun in reruns]) or ""


def cleared_causes(
    history: History, run: query_pb2.Run, reruns: Sequence[query_pb2.Run], rules: CauseRules
) -> dict[str, str]:
    """Returns the causes of a run, as `rules` name them, whose failures all passed in reruns.

    Each has the id of the last of these. Returns nothing if one of the runs cannot be read.
    """
    paths: dict[str, list[str]] = {}
    try:
        jobs = overlaid_jobs(history, run, reruns)
        for node in filter(has_failed_itself, history.nodes(run, sorted(FAILURES), only_jobs=False)):
            for one in causes_in(node):
                paths.setdefault(rules.key_of_node(one), []).append(node.path)
    except (GatorError, UserError):
        return {}
    names = [rerun.id for rerun in reruns]
    cleared = {cause: clearing_rerun(jobs, at, names) for cause, at in paths.items()}
    return {cause: rerun for cause, rerun in cleared.items() if rerun is not None}
