"""A tier that continues in a fresh daemon reads the stores of its predecessors."""

from pathlib import Path
from queue import SimpleQueue

from gator.daemon.fleet.dead_store import read_batches
from gator.daemon.tiers.past import read_past
from gator.store import Store
from gator.v1 import common_pb2, event_pb2

PASSED = event_pb2.Result(outcome=common_pb2.OUTCOME_PASSED, jobs=event_pb2.Tally(passed=1))
ENDED = event_pb2.AttemptFinished(outcome=common_pb2.OUTCOME_FAILED, reason=common_pb2.REASON_EXIT)


def declared(path: str, time: int = 5) -> event_pb2.Event:
    return event_pb2.Event(path=path, time_unix_nanos=time, declared=event_pb2.Declared(jobs=1))


def started(path: str, attempt: int = 1) -> event_pb2.Event:
    return event_pb2.Event(path=path, attempt=attempt, started=event_pb2.Started(pid=1))


def ended(path: str, attempt: int = 1) -> event_pb2.Event:
    return event_pb2.Event(path=path, attempt=attempt, attempt_finished=ENDED)


def result(path: str) -> event_pb2.Event:
    return event_pb2.Event(path=path, result=PASSED)


def store(path: Path, *events: event_pb2.Event) -> Path:
    """Write a store of a daemon that is named as the file."""
    posted: SimpleQueue[object] = SimpleQueue()
    made = Store.create(
        path,
        store_id=path.stem * 2,
        run="r",
        daemon=path.stem,
        host="here",
        catalogue=False,
        post=posted.put,
    )
    made.append(events)
    made.close()
    return path


def test_finished_attempts_count_started_ones_are_lost_and_the_rest_is_not_mentioned(tmp_path: Path):
    first = store(
        tmp_path / "t1.db",
        declared("top/far", 1),
        *(declared(f"top/far/{name}") for name in ("done", "ended", "running", "unstarted")),
        started("top/far/done"),
        started("top/far/ended"),
        started("top/far/running"),
        ended("top/far/done"),
        result("top/far/done"),
        ended("top/far/ended"),
    )
    past = read_past([first], "top/far")
    assert past.declared["top/far"] == 1
    assert set(past.declared) == {"top/far"} | {
        f"top/far/{name}" for name in ("done", "ended", "running", "unstarted")
    }
    assert past.results == {"top/far/done": PASSED}
    assert past.attempts("top/far/done") == []
    assert past.attempts("top/far/ended") == [(1, ENDED)]
    ((number, lost),) = past.attempts("top/far/running")
    assert (number, lost.outcome, lost.message) == (1, common_pb2.OUTCOME_LOST, "the daemon t1 died")
    assert past.attempts("top/far/unstarted") == []


def test_several_daemons_are_read_in_their_order_and_only_what_stands_below_the_tier(tmp_path: Path):
    first = store(tmp_path / "t1.db", declared("top/far/a"), started("top/far/a"), started("top/farther/b"))
    second = store(tmp_path / "t2.db", started("top/far/a", 2), ended("top/far/a", 2), result("top/other"))
    past = read_past([first, second], "top/far")
    assert [(number, end.outcome) for number, end in past.attempts("top/far/a")] == [
        (1, common_pb2.OUTCOME_LOST),
        (2, common_pb2.OUTCOME_FAILED),
    ]
    assert past.attempts("top/farther/b") == []
    assert past.results == {}


def test_a_daemon_that_never_came_up_left_nothing(tmp_path: Path):
    half = tmp_path / "t1.db"
    half.touch()
    good = store(tmp_path / "t3.db", result("top/far/a"))
    past = read_past([half, tmp_path / "t2.db", good], "top/far")
    assert list(past.results) == ["top/far/a"]
    assert read_batches(half, 0) == []


def test_results_below_a_node_are_found_without_those_of_its_neighbours(tmp_path: Path):
    paths = ["top/far/a/x", "top/far/a", "top/far/a-b", "top/far/a.c", "top/far/a[1]", "top/far/b"]
    past = read_past([store(tmp_path / "t1.db", *map(result, paths))], "top/far")
    assert [path for path, _ in past.at_or_below("top/far/a")] == ["top/far/a/x", "top/far/a"]
    assert [path for path, _ in past.at_or_below("top/far/b")] == ["top/far/b"]
    assert past.at_or_below("top/far/c") == []
