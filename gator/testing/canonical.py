"""The canonical record of a run, which is the same for every placement and time.

Invariant: it has everything that a run records, except times, processes, hosts, stores, borders of blocks,
samples and the order between nodes.
"""

from pathlib import Path
from typing import TypeAlias

from msgspec import Struct, field

from gator.store import RunStores, decode_block
from gator.v1 import common_pb2, event_pb2

Step: TypeAlias = tuple[str, int, str, str, str]
"""Payload field, attempt and, for ends, the names of outcome and reason and the signature."""
Source: TypeAlias = tuple[int, str]
"""Attempt and name of the stream; STREAM_UNSPECIFIED for messages without one."""


class NodeRecord(Struct):
    """The record of one node."""

    steps: list[Step] = field(default_factory=list[Step])
    """Steps in their order."""
    output: dict[Source, bytearray] = field(default_factory=dict[Source, bytearray])
    """Output by stream."""
    logs: dict[Source, list[event_pb2.LogEvent]] = field(
        default_factory=dict[Source, list[event_pb2.LogEvent]]
    )
    """Log messages by stream; there is no order between streams."""
    metrics: dict[int, list[event_pb2.Metric]] = field(default_factory=dict[int, list[event_pb2.Metric]])
    """By attempt."""


def canonical(folder: Path) -> dict[str, NodeRecord]:
    """Returns the canonical record of an ended run, by path; raises StoreError if there is none."""
    records: dict[str, NodeRecord] = {}
    steps: dict[str, list[tuple[int, Step]]] = {}
    with RunStores.open(folder) as run:
        for reader in run.readers().values():
            for part in reader.slices():
                for event in part.events:
                    record = records.setdefault(event.path, NodeRecord())
                    step = _add(record, event)
                    if step is not None:
                        steps.setdefault(event.path, []).append((event.time_unix_nanos, step))
    for path, record in records.items():
        # Steps of one store are in order already, and a stable sort keeps it.
        record.steps = [step for _, step in sorted(steps.get(path, ()), key=lambda timed: timed[0])]
    return records


def _add(record: NodeRecord, event: event_pb2.Event) -> Step | None:
    """Adds an event to a record; returns its step, if it is one."""
    kind, attempt = event.WhichOneof("payload"), event.attempt
    match kind:
        case "block":
            source = (attempt, common_pb2.Stream.Name(event.block.stream))
            record.output.setdefault(source, bytearray()).extend(decode_block(event.block))
        case "log":
            source = (attempt, common_pb2.Stream.Name(event.log.stream))
            record.logs.setdefault(source, []).append(event.log)
        case "metric":
            record.metrics.setdefault(attempt, []).append(event.metric)
        case "attempt_finished":
            return (kind, attempt, *_end(event.attempt_finished))
        case "result":
            return (kind, attempt, *_end(event.result))
        case "declared" | "started":
            return kind, attempt, "", "", ""
        case _:
            pass
    return None


def _end(end: event_pb2.AttemptFinished | event_pb2.Result) -> tuple[str, str, str]:
    return common_pb2.Outcome.Name(end.outcome), common_pb2.Reason.Name(end.reason), end.signature
