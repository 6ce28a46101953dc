"""Implements the port of `gator.query` for one run of the hub.

Invariant: nothing large is cached, and nothing that may change, except the number of jobs for a moment.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from msgspec import Struct

from gator.core.dispatch.pools import Pools
from gator.core.history.cause_rules import CauseRules
from gator.core.history.failure_groups import grouped
from gator.core.pages import JobAttempt
from gator.errors import NotFoundError
from gator.store.record import RecordReader
from gator.v1 import attach_pb2, common_pb2, event_pb2, plan_pb2, query_pb2
from gator_hub.database.database import Database
from gator_hub.queries.cause_notes import notes_of
from gator_hub.queries.events import EventReader
from gator_hub.queries.failures import sightings
from gator_hub.queries.own_signatures import HubCatalogue
from gator_hub.queries.reruns import passed_reruns
from gator_hub.queries.run_rows import RUN_NAMES, fields_of, run_of

_RESTS = 5
"""Minimum ratio of the pause between two counts of the jobs of a run to the duration of a count."""
_MAX_REST_SECONDS = 0.1
_MAX_KEPT_BYTES = 16 * 1024
"""Maximum size in bytes of a cached description. Larger ones are read again, because there are many runs."""


_MAX_RENAMED = 1000
"""Maximum number of signatures that one former name stands for."""


class _Counted(Struct, frozen=True):
    """A cached count of jobs."""

    tally: event_pb2.Tally
    positions: Sequence[object]
    """Positions of the stores when the jobs were counted."""
    again: float
    """Monotonic time in seconds before which the jobs are not counted again."""


class HubReader(HubCatalogue, RecordReader):
    """A run in the hub's database. Its methods may be called from several threads."""

    def __init__(
        self, database: Database, run: int, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Reads the run with a row number."""
        super().__init__(database.query, run)
        self._database, self._number, self._monotonic = database, run, monotonic
        self._events = EventReader(database, run)
        self._lock = threading.Lock()
        self._described: attach_pb2.RunDescription | None = None
        self._counted: _Counted | None = None
        self._ruled: dict[int, Mapping[str, str]] = {}
        """Causes with their first jobs of runs that have ended, by their numbers."""
        self._ruled_by = b""
        """The rules that these causes follow from."""

    # -- the run

    def run(self) -> query_pb2.Run:
        """Returns the run with its Result and tally. Raises NotFoundError if it was removed."""
        runs = self._database.models.runs
        rows = self._database.rows(
            runs.select(*fields_of(runs, RUN_NAMES)).where(runs.id == self._number, runs.deleted == 0)
        )
        if not rows:
            raise NotFoundError(
                "the run was removed from the hub: run `gator hub import FOLDER` to upload it again"
            )
        run = run_of(rows[0])
        described = self._description().run
        run.argv.extend(described.argv)
        run.launch_dir = described.launch_dir
        run.variables.update(described.variables)
        run.params.update(described.params)
        run.unkept_variables.extend(described.unkept_variables)
        run.unset_variables.extend(described.unset_variables)
        if run.state == query_pb2.RUN_STATE_ENDED:
            result = self.result(run.ident)
            if result is not None:
                run.result.CopyFrom(result)
                run.tally.CopyFrom(result.jobs)
            run.passed_in = passed_reruns(self._database, {self._number: run}).get(self._number, "")
        else:
            run.tally.CopyFrom(self._tally(run.ident))
        return run

    def _tally(self, root: str) -> event_pb2.Tally:
        """Returns the number of jobs by state. Counts only after a change, because many clients may poll."""
        stores = self._database.models.stores
        positions = self._database.rows(
            stores.select(stores.id, stores.states_seq).where(stores.run == self._number).order_by(stores.id)
        )
        with self._lock:
            counted, now = self._counted, self._monotonic()
            if counted is not None and (counted.positions == positions or now < counted.again):
                return counted.tally
            node = self.node(root)
            tally = node.tally if node is not None else event_pb2.Tally()
            ended = self._monotonic()
            rest = min(_RESTS * (ended - now), _MAX_REST_SECONDS)
            self._counted = _Counted(tally, positions, ended + rest)
            return tally

    def _description(self) -> attach_pb2.RunDescription:
        """Returns the description of the run, without the request for its plan."""
        if self._described is not None:
            return self._described
        described = self._read_description()
        described.ClearField("plan")
        if described.ByteSize() <= _MAX_KEPT_BYTES:
            self._described = described
        return described

    def _read_description(self) -> attach_pb2.RunDescription:
        descriptions = self._database.models.descriptions
        rows = self._database.rows(
            descriptions.select(descriptions.description).where(descriptions.run == self._number)
        )
        described = attach_pb2.RunDescription()
        if rows:
            described.ParseFromString(bytes(rows[0][0]))
        return described

    def plan_request(self) -> plan_pb2.PlanRequest | None:
        """Returns what the plan was made from; None if unknown."""
        described = self._read_description()
        return described.plan if described.HasField("plan") else None

    def pools(self) -> Pools | None:
        """Returns what the run may use at once; None if unknown."""
        described = self._description()
        return Pools.of(described.pools) if described.HasField("pools") else None

    def renamed(self, name: str) -> Collection[str]:
        """Returns the signatures of failures whose former signature begins with `name`."""
        former = self._database.models.former_signatures
        is_named = former.former.startswith(name)
        rows = self._database.rows(former.select(former.signature).where(is_named).limit(_MAX_RENAMED))
        return {signature for (signature,) in rows}

    def sightings(
        self, causes: Sequence[str], rules: CauseRules | None = None
    ) -> Mapping[str, query_pb2.FailureGroup]:
        """Returns the runs that had failures with these causes, and what users have noted about them."""
        rules = self.rules() if rules is None else rules
        causes_in = partial(self._causes_in, rules) if rules else None
        groups = sightings(self._database, self._number, causes, causes_in, rules)
        for cause, notes in notes_of(self._database, causes).items():
            group = groups.setdefault(cause, query_pb2.FailureGroup())
            group.notes.extend(note for note in notes if note.text)
            group.tickets.extend(note.ticket for note in notes if note.ticket)
        return groups

    def _causes_in(self, rules: CauseRules, number: int, has_ended: bool) -> Mapping[str, str]:
        """Returns the causes of a run of the series by the rules of this run, each with its first job."""
        key = rules.fingerprint
        with self._lock:
            if self._ruled_by != key:
                self._ruled_by, self._ruled = key, {}
            causes = self._ruled.get(number)
        if causes is None:
            failed = HubCatalogue(self._database.query, number).failed("", rules)
            causes = {group.first.key: group.path for group in grouped(failed)}
            if has_ended:
                with self._lock:
                    self._ruled[number] = causes
        return causes

    # -- events

    def positions(self, kinds: Sequence[attach_pb2.EventKind.ValueType] = ()) -> Mapping[str, int]:
        """Returns the position up to which each store is complete for events of these kinds."""
        return self._events.positions(kinds)

    def events(
        self,
        store: str,
        after: int,
        limit: int,
        *,
        path: str = "",
        prefix: str = "",
        attempt: int = 0,
        kinds: Sequence[attach_pb2.EventKind.ValueType] = (),
        severity: common_pb2.Severity.ValueType = common_pb2.SEVERITY_UNSPECIFIED,
    ) -> tuple[Sequence[event_pb2.Event], int]:
        """Implements `gator.query.Reader.events`."""
        return self._events.events(
            store, after, limit, path=path, prefix=prefix, attempt=attempt, kinds=kinds, severity=severity
        )

    def outputs(
        self, attempts: Sequence[JobAttempt], kinds: Sequence[attach_pb2.EventKind.ValueType]
    ) -> Mapping[JobAttempt, Sequence[event_pb2.Event]]:
        """Implements `gator.query.Reader.outputs`."""
        return self._events.outputs(attempts, kinds)
