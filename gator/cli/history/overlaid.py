"""Overlays reruns on a run, and finds the rerun in which its failures passed."""

from collections.abc import Sequence

from gator.cli.history.pruned import prevented
from gator.core.history.overlay import OverlaidJob, overlay_outcomes
from gator.core.launch.parameters import params_of_runs
from gator.core.outcomes import FAILURES
from gator.errors import GatorError, UserError
from gator.ports import History
from gator.v1 import common_pb2, query_pb2

_ENDED = (common_pb2.OUTCOME_PASSED, *sorted(FAILURES))


def overlaid_jobs(
    history: History, run: query_pb2.Run, reruns: Sequence[query_pb2.Run], *, passed: bool = False
) -> dict[str, OverlaidJob]:
    """Returns the jobs of a run with its reruns overlaid; its passed jobs only if `passed` is set."""
    # A list of runs has no command lines, so these runs are fetched individually.
    params = params_of_runs(history.full_run(each) for each in (run, *reruns))
    runs = [(run, _ENDED if passed else sorted(FAILURES)), *((rerun, _ENDED) for rerun in reruns)]
    return overlay_outcomes(
        (
            (each.id, ((node.path, node.outcome, node.seed) for node in history.nodes(each, outcomes)))
            for each, outcomes in runs
        ),
        params,
    )


def passed_in(history: History, run: query_pb2.Run) -> str:
    """Returns `failures passed in rerun 77e01b9c` if all failures of a run have; else empty."""
    if run.parent or run.result.outcome not in FAILURES:
        return ""
    rerun = clearing_rerun(history, run, run.ident)
    return f"failures passed in rerun {rerun[:8]}" if rerun else ""


def clearing_rerun(history: History, run: query_pb2.Run, path: str) -> str:
    """Returns the id of the last rerun in which failures at a node or below it passed.

    Returns an empty text if one of them has not passed, if a pruned job has not run since, or if one of the
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
    at = [job for name, job in jobs.items() if name == path or name.startswith(below)]
    if any(job.outcome in FAILURES for job in at):
        return ""
    if any(name not in jobs and name.startswith(below) for name in pruned):
        return ""
    used = {job.run for job in at}
    return next((rerun.id for rerun in reversed(reruns) if rerun.id in used), "")
