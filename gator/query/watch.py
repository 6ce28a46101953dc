"""Watches of a run: what is new since the last look. Whoever asks again and again decides how often.

Rule: a watch keeps its own place, which its resume token says; the run knows nothing of it.
"""

from collections.abc import Mapping

from msgspec import Struct

from gator.errors import NotFoundError
from gator.query import tokens
from gator.query.lines.log_quota import LogQuota
from gator.query.reader import Reader
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_MAX_LONGEST = 1000
_READ_AT_ONCE = 500
_MAX_BYTES = 256 * 1024
"""Whoever is slow to read holds so much, and there may be many."""
_ENDED = (query_pb2.RUN_STATE_ENDED, query_pb2.RUN_STATE_DIED)
"""Nothing more will come; a run that is not connected to its hub may come back."""


class _Seen(Struct, frozen=True):
    """What a watch of a run saw last."""

    seen: str


class _Reached(Struct, frozen=True):
    """How far a watch of events has come in each store."""

    at: dict[str, tokens.Count]


class RunLook(Struct, frozen=True):
    """A run at one moment."""

    response: qs.WatchRunResponse
    mark: str
    """The same for all moments at which it looks the same."""
    over: bool
    """Nothing more will come."""


class RunView:
    """A run as those see it who ask alike, whenever they began."""

    def __init__(self, reader: Reader, request: qs.WatchRunRequest) -> None:
        self._reader, self._request = reader, request
        self.key = (reader, tokens.digest(request))
        """The same for all views that look alike."""

    def look(self) -> RunLook:
        """The run as it is now."""
        run = self._reader.run()
        running = run.state == query_pb2.RUN_STATE_RUNNING
        longest = self._longest(run.ident) if self._request.longest and running else []
        response = qs.WatchRunResponse(run=run, longest=longest)
        heard = run.heard_unix_nanos
        if run.connected:
            # That it was heard of again is no news.
            response.run.ClearField("heard_unix_nanos")
        mark = tokens.digest(response)
        response.run.heard_unix_nanos = heard
        response.resume_token = tokens.encode(self._request, {"seen": mark})
        return RunLook(response, mark, run.state in _ENDED)

    def _longest(self, root: str) -> list[query_pb2.Node]:
        wanted = qs.ListNodesRequest(
            path=root,
            scope=qs.SCOPE_SUBTREE,
            kinds=[common_pb2.NODE_KIND_JOB],
            states=[query_pb2.NODE_STATE_RUNNING],
            order=qs.NODE_ORDER_STARTED,
        )
        most = min(self._request.longest, _MAX_LONGEST)
        return [node for _, node in self._reader.nodes(wanted, None, most).nodes]


class RunWatch:
    """Sees a run change."""

    def __init__(self, reader: Reader, request: qs.WatchRunRequest) -> None:
        """Raises UsageError for a wrong token."""
        place = tokens.decode(request, request.resume_token, _Seen)
        self._seen = place.seen if place else ""
        self.view = RunView(reader, request)
        self.over = False
        """Nothing more will come."""

    def look(self) -> qs.WatchRunResponse | None:
        """The run as it is now; None if it looks as before."""
        return self.news(self.view.look())

    def news(self, found: RunLook) -> qs.WatchRunResponse | None:
        """What a look at the view found; None if it looks as before."""
        self.over = found.over
        if found.mark == self._seen:
            return None
        self._seen = found.mark
        return found.response


class Tips(Struct, frozen=True):
    """How far a run has come."""

    positions: Mapping[str, int]
    """By store up to where its events are kept."""
    ended: bool
    """Nothing is kept beyond these positions, and nothing will be."""


class EventWatch:
    """Sees the events of a run as they are kept."""

    def __init__(self, reader: Reader, request: qs.WatchEventsRequest) -> None:
        """Raises UsageError for a wrong token."""
        self._reader, self._request = reader, request
        place = tokens.decode(request, request.resume_token, _Reached)
        self._positions: dict[str, int] = {}
        self._quota = LogQuota(reader, request.filter)
        if place is not None:
            self._positions.update(place.at)
        elif request.only_new:
            self._positions.update(reader.positions(request.filter.kinds))
        self.key = (reader, f"tips {sorted(request.filter.kinds)}")
        """The same for all watches that have the same tips."""
        self.over = False
        """Nothing more will come."""

    def tips(self) -> Tips:
        """How far the run has come by now."""
        run = self._reader.run()
        # While a run is connected to a hub, more of what it wrote may come after its end. Only positions that
        # were looked up after the end was seen are surely the last.
        ended = run.state in _ENDED and not run.connected
        return Tips(self._reader.positions(self._request.filter.kinds), ended)

    def is_behind(self, tips: Tips) -> bool:
        """Whether a look would find something, or at least get further."""
        return any(tip > self._positions.get(store, 0) for store, tip in tips.positions.items())

    def look(self, tips: Tips | None = None) -> qs.WatchEventsResponse | None:
        """What is new up to `tips`; None if nothing is. After it says None, `over` is right."""
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
        wanted = self._request.filter
        before = self._positions.get(store, 0)
        events, through = self._reader.events(
            store,
            before,
            _READ_AT_ONCE,
            prefix=wanted.prefix,
            kinds=wanted.kinds,
            severity=wanted.severity,
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
    """Raises NotFoundError when another run is meant."""
    if run and reader.run().id != run:
        raise NotFoundError(f"there is no run {run} here")
