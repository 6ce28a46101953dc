"""Many samples become few points. Rule: peaks stay peaks, means stay means."""

from collections.abc import Sequence

from gator.v1 import event_pb2, query_pb2


def thin(samples: Sequence[event_pb2.Event], points: int) -> list[query_pb2.ResourcePoint]:
    """Fold samples of one attempt into at most `points`: the mean of cores, the greatest of all else."""
    count = min(points, len(samples))
    folded: list[query_pb2.ResourcePoint] = []
    for number in range(count):
        part = samples[number * len(samples) // count : (number + 1) * len(samples) // count]
        folded.append(
            query_pb2.ResourcePoint(
                path=part[-1].path,
                attempt=part[-1].attempt,
                time_unix_nanos=part[-1].time_unix_nanos,
                cores=sum(event.sample.cores for event in part) / len(part),
                memory_bytes=max(event.sample.memory_bytes for event in part),
                processes=max(event.sample.processes for event in part),
                samples=len(part),
            )
        )
    return folded
