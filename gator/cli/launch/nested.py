"""Reports the outcome of a run inside a job to that job (`--parent`).

Invariant: the report has one metric per count and one message; the nested run has a record of its own.
"""

import os
from typing import Final

from gator.console import describe
from gator.core.outcomes import FAILURES
from gator.spec.metric_names import MAX_NAME
from gator.v1 import event_pb2

_COUNTS: Final = ("passed", "failed", "pruned", "cancelled", "lost")
"""Fields of a Tally that are reported as metrics."""
_MAX_IDENT: Final = MAX_NAME - len(".cancelled")
"""Maximum number of characters of the ident in the name of a metric."""


def report(address: str, ident: str, result: event_pb2.Result) -> None:
    """Reports the outcome of a run to the job in which this process runs."""
    from gator import client

    with client.connect({**os.environ, "GATOR_PARENT": address}) as job:
        for name in _COUNTS:
            job.metric(f"{ident[:_MAX_IDENT]}.{name}", getattr(result.jobs, name))
        text = f"run {ident}: {result.message or describe.outcome(result.outcome)}"
        job.log(text, severity="error" if result.outcome in FAILURES else "info")
