"""Failures and causes as plain values for JSON, and the commands that continue from a failure."""

from typing import Any

from msgspec.structs import asdict

from gator.cli.failures.causes import CauseOf, sightings_in
from gator.cli.json_output import to_values
from gator.cli.sources.failure_overlay import FailedIn
from gator.core.causes.failed_tests import causes_in
from gator.core.history.failure_groups import cause_of
from gator.core.history.flaky import Flakiness
from gator.core.launch.printed import about_node
from gator.core.launch.rerun import job_command, launch_of
from gator.core.outcomes import explained_by_message
from gator.v1 import common_pb2


def values_of_failure(one: FailedIn) -> dict[str, Any]:
    """Returns a failure with the next steps and the runs in which it was seen."""
    return {
        **to_values(one.node),
        "run": one.run.id,
        **next_steps(one),
        **_sightings(one),
        "flaky": flaky_values(one.flaky),
        "failed_tests": _tests(one),
    }


def _tests(one: FailedIn) -> dict[str, Any] | None:
    """Returns the tests that failed, with the runs in which each was seen; None if there are not several."""
    tests = one.node.failed_tests
    if not tests.list:
        return None
    sightings = sightings_in(one)
    each = zip(tests.list, causes_in(one.node), strict=True)
    listed = [{**to_values(test), **sightings.values(cause_of(node))} for test, node in each]
    return {"list": listed, "left_out": tests.left_out}


def values_of_cause(group: CauseOf) -> dict[str, Any]:
    """Returns a cause with an example and the runs in which it was seen."""
    return {
        "cause": group.example.node.cause or None,
        "signature": group.example.node.signature,
        "tickets": group.all_tickets,
        "notes": [to_values(note) for note in group.notes],
        "jobs": group.jobs,
        "allowed": group.allowed,
        "run": group.example.run.id,
        "example": to_values(group.example.node),
        **next_steps(group.example),
        **_sightings(group.example),
        "flaky": flaky_values(group.example.flaky),
    }


def flaky_values(flaky: Flakiness | None) -> dict[str, Any] | None:
    """Returns how a flaky job ended under the same conditions; None for another job."""
    return None if flaky is None else asdict(flaky)


def _sightings(one: FailedIn) -> dict[str, Any]:
    """Returns where such failures were seen before."""
    return sightings_in(one).values(cause_of(one.node))


def next_steps(one: FailedIn) -> dict[str, str | None]:
    """Returns the text log, and the commands that print the output or evidence and run the job again."""
    log = one.source.text_log(one.node.path)
    where = one.source.where
    # The messages of Gator explain some failures, and are the evidence of a hang.
    with_messages = about_node("logs", one.node.path, where, "--long")
    is_explained = explained_by_message(one.node.reason, one.node.first_error)
    is_hang = one.node.reason == common_pb2.REASON_HANG
    repeat = job_command(one.run, one.node)
    needs = [launch_of(one.run).needs] if repeat else []
    return {
        "log": str(log) if log is not None else None,
        "inspect": with_messages if is_explained else about_node("logs", one.node.path, where),
        "evidence": with_messages if is_hang else None,
        "reproduce": repeat,
        "needs": "; ".join(filter(None, (*needs, one.source.needs))) or None,
    }
