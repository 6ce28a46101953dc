"""Changes one run on a hub: delete, pin, give.

Invariant: a run is found once, by its name; later calls use its whole id.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from msgspec import Struct

from gator.cli import output
from gator.cli.json_output import print_json
from gator.cli.runs import hub_client
from gator.cli.runs.find import LATEST
from gator.cli.runs.hub_choice import PREFIX, HubChoice
from gator.errors import UsageError
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import hub_service_pb2_grpc, query_pb2


class HubRun(Struct, frozen=True):
    """A run on a hub, and the hub."""

    run: query_pb2.Run
    hub: hub_client.Hub

    def delete(self) -> None:
        """Removes the run from the hub."""
        self.hub.peer.call(self._stub.DeleteRun, hs.DeleteRunRequest(run=self.run.id))

    def pin(self, *, pinned: bool) -> None:
        """Keeps the run regardless of its age, or lets its age decide again."""
        self.hub.peer.call(self._stub.PinRun, hs.PinRunRequest(run=self.run.id, pinned=pinned))

    def give(self, user: str) -> None:
        """Makes another user the owner of the run."""
        self.hub.peer.call(self._stub.GiveRun, hs.GiveRunRequest(run=self.run.id, user=user))

    def report(self, done: str, values: Mapping[str, bool | str], *, json: bool) -> None:
        """Prints what was done."""
        if json:
            print_json({"run": self.run.id, "ident": self.run.ident, **values})
        else:
            output.echo(f"{done} run {self.run.id[:12]} of {self.run.ident}")

    @property
    def _stub(self) -> hub_service_pb2_grpc.HubServiceStub:
        return hub_service_pb2_grpc.HubServiceStub(self.hub.peer.channel)


@contextmanager
def found_run(action: str, name: str, choice: HubChoice) -> Generator[HubRun]:
    """Yields the run with a name on a hub, to be changed. Raises NotFoundError and UsageError."""
    name = name.removeprefix(PREFIX)
    if not name:
        # Other commands take the newest run; here the name may be an unset variable of a script.
        raise UsageError(f"RUN is empty: name the run to {action}, such as {LATEST}")
    with hub_client.connect(choice) as hub:
        yield HubRun(hub.find(name), hub)
