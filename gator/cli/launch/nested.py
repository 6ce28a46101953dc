"""A run inside a job that reports its outcome to that job (`--parent`).

The rule: what is reported are a metric a count and one message a run; the nested run keeps its own record.
"""

import os

from gator.core.attempt.metrics import MAX_NAME
from gator.core.outcomes import FAILURES
from gator.v1 import common_pb2 as pb
from gator.v1 import event_pb2


def report(address: str, ident: str, result: event_pb2.Result) -> None:
    """Tells the job around this process what came of the run."""
    os.environ["GATOR_PARENT"] = address
    from gator import client

    for name in ("passed", "failed", "pruned", "cancelled", "lost"):
        client.metric(f"{ident[: MAX_NAME - 10]}.{name}", getattr(result.jobs, name))
    text = (
        f"run {ident}: {result.message or pb.Outcome.Name(result.outcome).removeprefix('OUTCOME_').lower()}"
    )
    if result.outcome in FAILURES:
        client.error(text)
    else:
        client.info(text)
    client.flush()
