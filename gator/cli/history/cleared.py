"""Overlays the reruns of each run on the outcomes of a node in a series of runs."""

from typing import Final

from gator.cli.history.entries import failure_streak
from gator.cli.history.overlaid import passed_rerun
from gator.core.outcomes import FAILURES
from gator.ports import History
from gator.v1 import common_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs

MAX_OVERLAID: Final = 50
"""Maximum number of failures whose reruns are looked for; each may need requests to a hub."""


def overlay_reruns(history: History, path: str, listed: hs.ListHistoryResponse) -> dict[str, str]:
    """Changes failures that passed in reruns to passes; returns the rerun of each such run by their ids."""
    failed = [entry for entry in listed.entries if entry.outcome in FAILURES]
    cleared: dict[str, str] = {}
    for entry in failed[:MAX_OVERLAID]:
        run = query_pb2.Run(id=entry.run.run, ident=entry.run.ident)
        rerun = passed_rerun(history, run, path)
        if rerun:
            cleared[entry.run.run] = rerun
            entry.outcome = common_pb2.OUTCOME_PASSED
            for name in ("reason", "signature", "cause"):
                entry.ClearField(name)
    if cleared:
        first_bad, last_good = failure_streak(listed.entries)
        listed.ClearField("first_bad")
        listed.ClearField("last_good")
        if first_bad is not None:
            listed.first_bad.CopyFrom(first_bad)
        if last_good is not None:
            listed.last_good.CopyFrom(last_good)
    return cleared
