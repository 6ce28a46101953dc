"""Finds the runs in which the jobs with a failure ran, because a failure is absent only there.

Invariant: jobs are read one by one, and only where the answer depends on them.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import peewee as pw

from gator.core.history.sightings import RAN, Cleared, Ran
from gator.core.outcomes import FAILURES
from gator.v1 import query_pb2
from gator_hub.database.database import Database

CausesIn: TypeAlias = Callable[[int, bool], Mapping[str, str]]
"""Returns the causes of a run by its number, each with its first job; the flag says whether it has ended."""


class RanJobs:
    """The jobs with the failures of a run, and of the earlier runs of its series."""

    def __init__(self, database: Database, run: int) -> None:
        """Begins with the row number of the run; nothing is read yet."""
        self._database, self._run = database, run
        self.numbers: dict[str, int] = {}
        """Row numbers of the runs by their ids."""
        self.ruled: dict[int, Mapping[str, str]] = {}
        """Causes by rules, each with its first job, by the row number of the run."""
        self.cleared_in: Callable[[int, str], Mapping[str, query_pb2.Sighting]] = lambda run, name: {}
        """Returns the causes of a run (number, id) that passed in reruns, each with the last of these."""
        self._ran: dict[tuple[int, str], bool] = {}
        self._cleared: dict[str, Mapping[str, query_pb2.Sighting]] = {}

    def ran(self, cause: str) -> Ran:
        """Returns a function that says whether the first job with a cause ran in another run."""

        def ran(run: query_pb2.Sighting, seen_in: query_pb2.Sighting | None) -> bool:
            number = self._run if seen_in is None else self.numbers[seen_in.run]
            return self._has_run(self.numbers[run.run], self._first_job(number, cause))

        return ran

    def cleared(self, cause: str) -> Cleared:
        """Returns a function that returns the last rerun in which all failures with a cause passed."""

        def cleared(run: query_pb2.Sighting) -> query_pb2.Sighting | None:
            if run.run not in self._cleared:
                self._cleared[run.run] = self.cleared_in(self.numbers[run.run], run.run)
            return self._cleared[run.run].get(cause)

        return cleared

    def _first_job(self, run: int, cause: str) -> str:
        """Returns the path of the first job with a cause; empty if there is none."""
        if run in self.ruled:
            return self.ruled[run].get(cause, "")
        nodes, tests = self._database.models.nodes, self._database.models.failed_tests
        with_test = tests.select(tests.path).where(tests.run == run, tests.signature == cause)
        ended = pw.fn.COALESCE(nodes.first_failure_unix_nanos, nodes.ended_unix_nanos)
        query = (
            nodes.select(nodes.path)
            .where(nodes.run == run, (nodes.own_signature == cause) | nodes.path.in_(with_test))
            .where(nodes.outcome.in_(sorted(FAILURES)))
            .order_by(pw.fn.COALESCE(nodes.allow_failure, 0), ended, nodes.path)
            .limit(1)
        )
        rows = self._database.rows(query)
        return rows[0][0] if rows else ""

    def _has_run(self, run: int, path: str) -> bool:
        if (run, path) not in self._ran:
            nodes = self._database.models.nodes
            query = nodes.select(nodes.path).where(
                nodes.run == run, nodes.path == path, nodes.outcome.in_(RAN)
            )
            self._ran[run, path] = bool(self._database.rows(query))
        return self._ran[run, path]
