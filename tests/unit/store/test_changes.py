from gator.node_paths import key_of_path
from gator.store.catalogue.changes import Changes
from gator.v1 import common_pb2, event_pb2


def test_paths_sort_as_a_tree_with_repeats_by_number() -> None:
    paths = ["top", "top/a", "top/a/x", "top/a-b", "top/a[2]", "top/a[2]/x", "top/a[10]", "top/b", "topmost"]
    assert sorted(sorted(paths), key=key_of_path) == paths


def test_events_of_one_node_become_one_row() -> None:
    changes = Changes()
    demand = common_pb2.Demand(cores=2, memory_bytes=3, licenses={"b": 1, "a": 2})
    declared = event_pb2.Declared(kind=common_pb2.NODE_KIND_JOB, demand=demand, tags=["x"])
    usage = event_pb2.Usage(wall_nanos=1, peak_memory_bytes=0)
    finished = event_pb2.AttemptFinished(outcome=common_pb2.OUTCOME_FAILED, signal=9, usage=usage)
    changes.take(
        "s",
        [
            event_pb2.Event(seq=1, path="top/a", declared=declared),
            event_pb2.Event(
                seq=2, path="top/a", attempt=1, time_unix_nanos=5, started=event_pb2.Started(pid=7)
            ),
            event_pb2.Event(seq=3, path="top/a", attempt=1, log=event_pb2.LogEvent(text="x")),
            event_pb2.Event(seq=9, path="top/a", attempt=1, time_unix_nanos=6, attempt_finished=finished),
        ],
    )
    node = changes.nodes["top/a"]
    assert (node["cores"], node["licenses"], node["tags"]) == (2, '{"a": 2, "b": 1}', '["x"]')
    assert (node["attempts"], node["started_unix_nanos"]) == (1, 5)
    assert "ended_unix_nanos" not in node
    attempt = changes.attempts["top/a", 1]
    assert (attempt["first_seq"], attempt["last_seq"], attempt["store"], attempt["pid"]) == (2, 9, "s", 7)
    assert attempt["signal"] == 9
    assert "exit_code" not in attempt
    assert attempt["peak_memory_bytes"] == 0
    assert "peak_processes" not in attempt
    assert list(changes.nodes) == ["top/a", "top"]


def test_a_metric_that_is_not_a_number_any_more_has_no_row() -> None:
    changes = Changes()
    metrics = [event_pb2.MetricTotal(name="a", value=float("nan")), event_pb2.MetricTotal(name="b", value=1)]
    changes.take("s", [event_pb2.Event(seq=1, path="top", result=event_pb2.Result(metrics=metrics))])
    assert list(changes.metrics) == [("top", "b")]
