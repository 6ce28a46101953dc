"""A client of a hub: finds runs by name, and asks what only a hub can answer.

Invariant: a run is found once, by its name; later calls use its whole id.
"""

import os
import shlex
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from gator.cli.runs.find import LATEST, is_run, short_id_hint, too_far_back
from gator.cli.runs.hub_choice import HubChoice, needs_of
from gator.cli.runs.paging import pages
from gator.cli.runs.remote import Peer
from gator.cli.tracking import tracking_root
from gator.core.history import series
from gator.errors import NotFoundError
from gator.rpc.channel import open_blocking_channel
from gator.spec.idents import nfc
from gator.spec.suggestions import did_you_mean
from gator.v1 import hub_pb2, hub_service_pb2_grpc, query_pb2, spec_pb2
from gator.v1 import hub_service_pb2 as hs

MAX_COMPLETED = 50
"""Maximum number of runs that are read to complete a name."""
_MAX_SEARCHED = 100
"""Maximum number of runs that are searched for a name."""
_MAX_OFFERED = 5
"""Maximum number of idents that an error about an unknown name lists."""
_ALL_CHANGES = [change for change in hub_pb2.Change.values() if change]


class Hub:
    """A connected hub."""

    def __init__(self, peer: Peer, where: Sequence[str] = (), needs: str = "") -> None:
        """Wraps a connection; `where` are options that name this hub in any folder and environment.

        `needs` is the variable that a command with these options needs; empty for none.
        """
        self.peer = peer
        self.where = where
        self.needs = needs
        self._stub = hub_service_pb2_grpc.HubServiceStub(peer.channel)

    def find(self, name: str) -> query_pb2.Run:
        """Returns the run of a name: empty or `latest`, `-2`, a whole id, an ident, the beginning of an id.

        The first of these that exists counts, as for the hub itself. Raises NotFoundError that lists runs.
        """
        if name in ("", LATEST):
            newest = self._newest(1)
            return newest if series.is_of(newest, series.WHOLE) else self._of_ident(newest.ident) or newest
        if name.startswith("-") and name[1:].isdecimal() and 0 < int(name[1:]) <= 1000:
            return self._newest(int(name[1:]))
        name = nfc(name)
        named = self.peer.call(
            self._stub.ListRuns, hs.ListRunsRequest(name=name, page_size=_MAX_SEARCHED)
        ).runs
        for meant in (
            [run for run in named if run.id == name],
            # The newest run is first.
            self._of_named(name, named),
            [run for run in named if run.id.startswith(name)],
        ):
            if len(meant) > 1:
                raise NotFoundError(f"{len(meant)} runs have ids that begin with {name}: use a longer prefix")
            if meant:
                return meant[0]
        which = _import_hint(name) or short_id_hint(name) or self._suggestion(name)
        raise NotFoundError(f"there is no run {name!r} on {self.peer.name}{which}")

    def _of_named(self, ident: str, named: Sequence[query_pb2.Run]) -> list[query_pb2.Run]:
        if not any(run.ident == ident for run in named):
            return []
        meant = self._of_ident(ident)
        return [meant] if meant is not None else []

    def _of_ident(self, ident: str) -> query_pb2.Run | None:
        """Returns the newest run of an ident: of the whole spec, else one that is not a rerun, else any."""
        for request in (
            hs.ListRunsRequest(ident=ident, selection=series.WHOLE),
            hs.ListRunsRequest(ident=ident, no_repeats=True),
            hs.ListRunsRequest(ident=ident),
        ):
            newest = next(self.runs(request, 1), None)
            if newest is not None:
                return newest
        return None

    def _newest(self, back: int) -> query_pb2.Run:
        runs = self.peer.call(self._stub.ListRuns, hs.ListRunsRequest(page_size=back)).runs
        if len(runs) < back:
            raise NotFoundError(self._why_none(len(runs)))
        return runs[back - 1]

    def _why_none(self, count: int) -> str:
        """Returns the error for a number such as -9 if the hub has only `count` runs."""
        if not count:
            return f"there is no run on {self.peer.name}: upload one with gator run SPEC --hub ADDRESS"
        return too_far_back(count, f"on {self.peer.name}")

    def _suggestion(self, name: str) -> str:
        """Returns the ident that `name` most likely means, or the newest runs, one of each ident."""
        runs = self.peer.call(self._stub.ListRuns, hs.ListRunsRequest(page_size=_MAX_SEARCHED)).runs
        newest = {run.ident: run.id for run in reversed(runs)}
        if near := did_you_mean(name, newest):
            return near
        some = [run for run in runs if newest[run.ident] == run.id][:_MAX_OFFERED]
        return ": the newest are " + ", ".join(f"{run.id[:8]} ({run.ident})" for run in some) if some else ""

    def runs(self, request: hs.ListRunsRequest, maximum: int) -> Iterator[query_pb2.Run]:
        """Yields the newest runs that match, up to `maximum`."""
        while maximum > 0:
            request.page_size = min(maximum, 1000)
            page = self.peer.call(self._stub.ListRuns, request)
            yield from page.runs[:maximum]
            maximum -= len(page.runs)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def idents(self) -> set[str]:
        """Returns the idents of the newest runs."""
        return {run.ident for run in self.runs(hs.ListRunsRequest(), _MAX_SEARCHED)}

    def compare(
        self, before: str, after: str, rules: Sequence[spec_pb2.CauseRule]
    ) -> Iterator[hs.CompareRunsResponse]:
        """Yields pages of the comparison of two runs, including jobs that passed in both.

        `rules` name causes where those of the hub and of a run do not.
        """
        request = hs.CompareRunsRequest(before=before, after=after, changes=_ALL_CHANGES, more_rules=rules)
        yield from pages(partial(self.peer.call, self._stub.CompareRuns), request)

    def history(
        self,
        ident: str,
        path: str,
        selection: query_pb2.Selection,
        maximum: int,
        rules: Sequence[spec_pb2.CauseRule],
    ) -> hs.ListHistoryResponse:
        """Returns the outcomes of a node in the newest runs of a series."""
        size = min(maximum, 1000)
        request = hs.ListHistoryRequest(
            ident=ident, path=path, selection=selection, page_size=size, more_rules=rules
        )
        whole = self.peer.call(self._stub.ListHistory, request)
        token = whole.next_page_token
        while token and len(whole.entries) < maximum:
            request.page_token = token
            request.page_size = min(maximum - len(whole.entries), 1000)
            page = self.peer.call(self._stub.ListHistory, request)
            whole.entries.extend(page.entries)
            token = page.next_page_token
        return whole

    def delete(self, run: str) -> None:
        """Removes a run from the hub."""
        self.peer.call(self._stub.DeleteRun, hs.DeleteRunRequest(run=run))

    def pin(self, run: str, *, pinned: bool) -> None:
        """Pins a run, which exempts it from retention by age, or unpins it."""
        self.peer.call(self._stub.PinRun, hs.PinRunRequest(run=run, pinned=pinned))

    def give(self, run: str, user: str) -> None:
        """Makes another user the owner of a run."""
        self.peer.call(self._stub.GiveRun, hs.GiveRunRequest(run=run, user=user))

    def causes(self) -> hs.ListCausesResponse:
        """Returns the rules for causes and the notes."""
        return self.peer.call(self._stub.ListCauses, hs.ListCausesRequest())

    def add_cause(self, rule: spec_pb2.CauseRule) -> None:
        """Adds a rule for a cause."""
        self.peer.call(self._stub.AddCause, hs.AddCauseRequest(rule=rule))

    def note_cause(self, request: hs.NoteCauseRequest) -> None:
        """Adds a note or a ticket to a cause."""
        self.peer.call(self._stub.NoteCause, request)

    def remove_cause(self, name: str) -> int:
        """Removes the rules for a cause that this user may remove; returns their number."""
        return self.peer.call(self._stub.RemoveCause, hs.RemoveCauseRequest(name=name)).rules


def _import_hint(name: str) -> str:
    """Returns what to do about a name that is a folder of a run; empty for another name."""
    for path in (Path(name), tracking_root() / name):
        if is_run(path):
            return f"; that is a folder: import it with gator hub import {shlex.quote(str(path.absolute()))}"
    return ""


@contextmanager
def connect(choice: HubChoice) -> Generator[Hub]:
    """Yields a connected hub. Raises UsageError for a wrong address or token file."""
    access = choice.access()
    with open_blocking_channel(access.address, access.ca) as channel:
        yield Hub(
            Peer(
                channel,
                access.token,
                address=access.address,
                secure=access.ca is not None,
                source=access.source,
                seconds=choice.seconds,
            ),
            choice.where(access.address),
            needs_of(access, os.environ),
        )
