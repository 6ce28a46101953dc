"""Watches of a run: what is new since the last poll. The caller decides how often to poll.

Invariant: a watch keeps its own position, which its resume token holds; the run keeps no state of watches.
"""

from collections.abc import Mapping

from msgspec import Struct

from gator.errors import NotFoundError
from gator.query import tokens
from gator.query.lines.log_quota import LogQuota
from gator.query.reader import Reader
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_MAX_LISTED = 1000
_READ_AT_ONCE = 500
_MAX_BYTES = 256 * 1024
"""Maximum size of a response, which each slow client holds."""
_ENDED = (query_pb2.RUN_STATE_ENDED, query_pb2.RUN_STATE_DIED)
"""States after which nothing changes, unless a run reconnects to its hub."""


class _LastState(Struct, frozen=True):
    """The state of the run in the last answer of a watch."""

    mark: str


class _Reached(Struct, frozen=True):
    """The positions of a watch of events."""

    at: dict[str, tokens.Count]


class RunSnapshot(Struct, frozen=True):
    """The state of a run at one moment."""

    response: qs.WatchRunResponse
    mark: str
    """Equal for all moments with the same state."""
    over: bool
    """Whether nothing more will change."""


class RunView:
    """The state of a run for all watches with equal requests."""

    def __init__(self, reader: Reader, request: qs.WatchRunRequest) -> None:
        self._reader, self._request = reader, request
        self.key = (reader, tokens.digest(request))
        """Returns a key that is equal for equal requests."""

    def snapshot(self) -> RunSnapshot:
        """Returns the present state of the run."""
        run = self._reader.run()
        running = run.state == query_pb2.RUN_STATE_RUNNING
        longest = self._longest(run.ident) if self._request.longest and running else []
        response = qs.WatchRunResponse(run=run, longest=longest)
        last_seen = run.last_seen_unix_nanos
        if run.connected:
            # A new time of contact alone is not a change.
            response.run.ClearField("last_seen_unix_nanos")
        mark = tokens.digest(response)
        response.run.last_seen_unix_nanos = last_seen
        response.resume_token = tokens.encode(self._request, {"mark": mark})
        return RunSnapshot(response, mark, run.state in _ENDED)

    def _longest(self, root: str) -> list[query_pb2.Node]:
        request = qs.ListNodesRequest(
            path=root,
            scope=qs.SCOPE_SUBTREE,
            kinds=[common_pb2.NODE_KIND_JOB],
            states=[query_pb2.NODE_STATE_RUNNING],
            order=qs.NODE_ORDER_STARTED,
        )
        maximum = min(self._request.longest, _MAX_LISTED)
        return [node for _, node in self._reader.nodes(request, None, maximum).nodes]


class RunWatch:
    """Reports changes of a run."""

    def __init__(self, reader: Reader, request: qs.WatchRunRequest) -> None:
        """Raises UsageError for an invalid token."""
        position = tokens.decode(request, request.resume_token, _LastState)
        self._mark = position.mark if position else ""
        self.view = RunView(reader, request)
        self.over = False
        """Whether nothing more will change."""

    def poll(self) -> qs.WatchRunResponse | None:
        """Returns the present state of the run; None if it has not changed."""
        return self.changed(self.view.snapshot())

    def changed(self, snapshot: RunSnapshot) -> qs.WatchRunResponse | None:
        """Returns the state that a poll found; None if it has not changed."""
        self.over = snapshot.over
        if snapshot.mark == self._mark:
            return None
        self._mark = snapshot.mark
        return snapshot.response


class Tips(Struct, frozen=True):
    """The positions of a run."""

    positions: Mapping[str, int]
    """The last committed sequence number of each store."""
    ended: bool
    """Whether these positions are final."""


class EventWatch:
    """Reports events of a run as they are committed."""

    def __init__(self, reader: Reader, request: qs.WatchEventsRequest) -> None:
        """Raises UsageError for an invalid token."""
        self._reader, self._request = reader, request
        position = tokens.decode(request, request.resume_token, _Reached)
        self._positions: dict[str, int] = {}
        self._quota = LogQuota(reader, request.filter)
        if position is not None:
            self._positions.update(position.at)
        elif request.only_new:
            self._positions.update(reader.positions(request.filter.kinds))
        self.key = (reader, f"tips {sorted(request.filter.kinds)}")
        """A key that is equal for all watches with the same positions of stores."""
        self.over = False
        """Whether nothing more will change."""

    def tips(self) -> Tips:
        """Returns the present positions of the run."""
        run = self._reader.run()
        # A run that is connected to a hub may send more events after its end. Only positions that were read
        # after the end was seen are final.
        ended = run.state in _ENDED and not run.connected
        return Tips(self._reader.positions(self._request.filter.kinds), ended)

    def is_behind(self, tips: Tips) -> bool:
        """Returns whether a poll would find events, or at least advance the positions."""
        return any(tip > self._positions.get(store, 0) for store, tip in tips.positions.items())

    def poll(self, tips: Tips | None = None) -> qs.WatchEventsResponse | None:
        """Returns the new events up to `tips`; None if there are none, and only then `over` is up to date."""
        if tips is None:
            tips = self.tips()
        response = qs.WatchEventsResponse()
        moved = False
        for store, tip in tips.positions.items():
            if tip > self._positions.get(store, 0):
                moved = self._read(store, response) or moved
        if not moved:
            self.over = tips.ended
            return None
        response.resume_token = tokens.encode(self._request, {"at": self._positions})
        return response

    def _read(self, store: str, response: qs.WatchEventsResponse) -> bool:
        event_filter = self._request.filter
        before = self._positions.get(store, 0)
        events, through = self._reader.events(
            store,
            before,
            _READ_AT_ONCE,
            prefix=event_filter.prefix,
            kinds=event_filter.kinds,
            severity=event_filter.severity,
        )
        size = response.ByteSize()
        for event in events:
            if self._quota.admits(store, event):
                size += event.ByteSize()
                if response.events and size > _MAX_BYTES:
                    through = event.seq - 1
                    break
                response.events.add(store=store, event=event)
            self._quota.count(store, event)
        self._positions[store] = through
        return through > before


def check_run(reader: Reader, run: str) -> None:
    """Raises NotFoundError if a request names another run."""
    if run and reader.run().id != run:
        raise NotFoundError(f"there is no run {run} here")
