"""Reports the outcome of a run inside a job to that job (`--parent`).

Invariant: the report has one metric per count and one message; the nested run has a record of its own.
"""

import os

from gator.console import describe
from gator.core.attempt.metrics import MAX_NAME
from gator.core.outcomes import FAILURES
from gator.v1 import event_pb2


def report(address: str, ident: str, result: event_pb2.Result) -> None:
    """Reports the outcome of a run to the job in which this process runs."""
    os.environ["GATOR_PARENT"] = address
    from gator import client

    for name in ("passed", "failed", "pruned", "cancelled", "lost"):
        client.metric(f"{ident[: MAX_NAME - 10]}.{name}", getattr(result.jobs, name))
    text = f"run {ident}: {result.message or describe.outcome(result.outcome)}"
    if result.outcome in FAILURES:
        client.error(text)
    else:
        client.info(text)
    client.flush()
