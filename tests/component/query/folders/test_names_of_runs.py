"""What the name of a run means, in a folder and on a hub: the whole id, an ident, the beginning of an id."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from gator.cli.runs.find import select
from gator.cli.runs.hub_client import Hub
from gator.errors import NotFoundError
from gator.run_folder import LockHolder, RunFolder
from gator.store import Store
from gator.v1 import attach_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs

WHOLE = "face" + "0" * 28
RUNS = [
    # The newest first: id and ident.
    ("face" + "1" * 28, "first"),
    ("face" + "2" * 28, WHOLE),
    (WHOLE, "second"),
    ("abcd" + "3" * 28, "face"),
    ("abcd" + "4" * 28, "face"),
]
MEANT = [(WHOLE, WHOLE), ("face", RUNS[3][0]), ("face1", RUNS[0][0]), ("abcd4", RUNS[4][0])]


class Peer:
    """A hub that has these runs, and lists those that a name may mean."""

    name = "the hub"

    def __init__(self) -> None:
        self.channel = grpc.insecure_channel("unix:/stranger")

    def call(self, method: Callable[..., Any], request: hs.ListRunsRequest) -> hs.ListRunsResponse:
        del method
        name = request.name
        found = [
            query_pb2.Run(id=run, ident=ident)
            for run, ident in RUNS
            if (ident == name or name in run) and request.ident in ("", ident)
        ]
        return hs.ListRunsResponse(runs=found)


@pytest.mark.parametrize(("name", "run"), MEANT)
def test_on_a_hub_a_whole_id_comes_before_an_ident_and_that_before_the_beginning_of_an_id(
    name: str, run: str
) -> None:
    peer: Any = Peer()
    assert Hub(peer).find(name).id == run
    with pytest.raises(NotFoundError, match="2 runs have ids that begin with abcd"):
        Hub(peer).find("abcd")


@pytest.mark.parametrize(("name", "run"), MEANT)
def test_in_a_folder_a_name_means_the_same(tmp_path: Path, name: str, run: str) -> None:
    for number, (made, ident) in enumerate(reversed(RUNS)):
        folder = RunFolder.create(tmp_path, ident, f"20261122-12583{number}")
        folder.lock(LockHolder.this_process(made))
        # Whose it was stays in the file.
        folder.unlock()
    assert select(name, tmp_path).id == run
    with pytest.raises(NotFoundError, match="2 runs have ids that begin with abcd"):
        select("abcd", tmp_path)


def test_for_a_name_that_means_nothing_the_newest_run_of_each_ident_is_offered(tmp_path: Path) -> None:
    for second, ident in enumerate(("rare", *["nightly"] * 9)):
        RunFolder.create(tmp_path, ident, f"20261122-12583{second}")
    for folder in tmp_path.iterdir():
        (folder / "run.lock").touch()
    with pytest.raises(
        NotFoundError, match=r"\(the newest are 20261122-125839-nightly, 20261122-125830-rare\): see "
    ):
        select("weekly", tmp_path)
    with pytest.raises(NotFoundError, match=r"there is no run 'nihgtly' in \S+: did you mean 'nightly'\?$"):
        select("nihgtly", tmp_path)


def test_runs_whose_idents_are_shortened_to_one_name_are_all_offered(tmp_path: Path) -> None:
    for second, ident in enumerate(("ä", "ö", "ö")):
        folder = RunFolder.create(tmp_path, ident, f"20261122-12583{second}")
        folder.lock(LockHolder.this_process(f"{second}" * 32))
        folder.unlock()
        Store.create(
            folder.store_of("root"),
            store_id=f"store-{second}",
            run=f"{second}" * 32,
            daemon="root",
            host="here",
            catalogue=True,
            post=lambda call: call(),
            description=attach_pb2.RunDescription(run=query_pb2.Run(ident=ident)),
        ).close()
    with pytest.raises(
        NotFoundError, match=r"there is no run '_' in .* 20261122-125832-_, 20261122-125830-_\): see "
    ):
        select("_", tmp_path)
