"""Checks that a cause that a user names is known."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from gator.cli.sources.open import OpenRun
from gator.cli.sources.present_rules import rules_for
from gator.core.causes.failed_tests import causes_in
from gator.core.outcomes import FAILURES
from gator.core.text import cut
from gator.errors import UsageError
from gator.spec.suggestions import nearest
from gator.v1 import query_pb2

_MAX_RUNS_OF_SERIES: Final = 20
"""Maximum number of runs of the series that are read."""
_MAX_FAILURES: Final = 1000
"""Maximum number of failures of a run that are read."""


def check_cause(opened: OpenRun, name: str) -> None:
    """Raises UsageError, with the nearest name, if no rule and no recent run of the series has a cause.

    Call it only if no failure of the run has the cause. A run that has not ended may still get it.
    """
    if not name or opened.run.state == query_pb2.RUN_STATE_RUNNING:
        return
    known: set[str] = set()
    for rule in rules_for(opened.run):
        known.update((rule.name, rule.ticket))
    for node in _failed(opened):
        for one in (node, *causes_in(node)):
            known.update((one.cause, one.ticket, one.signature, one.former_signature))
    known.discard("")
    if name in known or any(each.startswith(name) for each in known):
        return
    near = nearest(name, known)
    hint = f"did you mean '{near}'?" if near else "see `gator failures --causes`"
    raise UsageError(f"no recent run of the series has the cause '{cut(name, 100)}': {hint}")


def _failed(opened: OpenRun) -> Iterator[query_pb2.Node]:
    history = opened.source.history()
    original = history.repeated(opened.run)
    series = history.runs(original.ident, original.selection, _MAX_RUNS_OF_SERIES)
    runs = {run.id: run for run in (opened.run, original, *series)}
    for run in runs.values():
        yield from islice(history.nodes(run, sorted(FAILURES)), _MAX_FAILURES)
