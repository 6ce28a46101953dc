"""Overlays reruns on a run, and finds the rerun in which its failures passed."""

from collections.abc import Sequence

from gator.core.history.overlay import OverlaidJob, overlay_outcomes
from gator.core.launch.parameters import params_of_reruns
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
    params = params_of_reruns(history.full_run(run), [history.full_run(rerun) for rerun in reruns])
    runs = [(run, _ENDED if passed else sorted(FAILURES)), *((rerun, _ENDED) for rerun in reruns)]
    return overlay_outcomes(
        (
            (each.id, ((node.path, node.outcome, node.seed) for node in history.nodes(each, outcomes)))
            for each, outcomes in runs
        ),
        params,
    )


def passed_in(history: History, run: query_pb2.Run) -> str:
    """Returns `failures passed in rerun 77e01b9c` if all failures of a run have; else empty.

    Returns nothing if one of the runs cannot be read.
    """
    if run.parent or run.result.outcome not in FAILURES:
        return ""
    try:
        reruns = history.reruns(run)
        jobs = overlaid_jobs(history, run, reruns) if reruns else {}
    except (GatorError, UserError):
        return ""
    if not jobs or any(job.outcome in FAILURES for job in jobs.values()):
        return ""
    used = {job.run for job in jobs.values()}
    newest = next((rerun.id for rerun in reversed(reruns) if rerun.id in used), "")
    return f"failures passed in rerun {newest[:8]}" if newest else ""
