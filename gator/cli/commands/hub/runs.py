"""Orders about one run of a hub. Rule: a run is found by its name once, and then named by its whole id."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from msgspec import Struct

from gator.cli import output
from gator.cli.runs import hub_client
from gator.cli.runs.find import LATEST
from gator.cli.runs.hub_selection import PREFIX, HubChoice
from gator.errors import UsageError
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import hub_service_pb2_grpc, query_pb2


class HubRun(Struct, frozen=True):
    """A run of a hub, and the hub."""

    run: query_pb2.Run
    hub: hub_client.Hub

    def delete(self) -> None:
        """Remove it. Raises what the hub raised."""
        self.hub.peer.call(self._stub.DeleteRun, hs.DeleteRunRequest(run=self.run.id))

    def pin(self, *, pinned: bool) -> None:
        """Keep it for ever, or no longer. Raises what the hub raised."""
        self.hub.peer.call(self._stub.PinRun, hs.PinRunRequest(run=self.run.id, pinned=pinned))

    def give(self, user: str) -> None:
        """Make another user its owner. Raises what the hub raised."""
        self.hub.peer.call(self._stub.GiveRun, hs.GiveRunRequest(run=self.run.id, user=user))

    def say(self, done: str, values: Mapping[str, bool | str], *, json: bool) -> None:
        """Print what was done with it."""
        if json:
            output.say_json({"run": self.run.id, "ident": self.run.ident, **values})
        else:
            output.say(f"{done} run {self.run.id[:12]} of {self.run.ident}")

    @property
    def _stub(self) -> hub_service_pb2_grpc.HubServiceStub:
        return hub_service_pb2_grpc.HubServiceStub(self.hub.peer.channel)


@contextmanager
def found_run(order: str, name: str, choice: HubChoice) -> Generator[HubRun]:
    """The run that a hub knows by this name, for an order. Raises NotFoundError, UsageError."""
    name = name.removeprefix(PREFIX)
    if not name:
        # Elsewhere that is the newest run; here it may be a variable that is not set.
        raise UsageError(f"name the run to {order}; `{LATEST}` is the newest")
    with hub_client.connect(choice) as hub:
        yield HubRun(hub.find(name), hub)
