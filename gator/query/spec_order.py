"""The order in which a spec has its nodes. Rule: nothing is planned for it."""

from collections.abc import Iterator, Sequence

from gator.v1 import spec_pb2

_MOST_BYTES = 1024 * 1024


def paths_in_order(spec: spec_pb2.Spec) -> Sequence[str]:
    """The paths of all nodes without numbers of repeats, parents first; none where they are too many."""
    paths: list[str] = []
    size = 0
    for path in _paths(spec):
        size += len(path)
        if size > _MOST_BYTES:
            return ()
        paths.append(path)
    return paths


def _paths(spec: spec_pb2.Spec) -> Iterator[str]:
    left = [("", spec)]
    while left:
        above, one = left.pop()
        kind = one.WhichOneof("node")
        if kind is None:
            continue
        node = one.job if kind == "job" else one.group if kind == "group" else one.array
        path = f"{above}{node.ident}"
        yield path
        if not isinstance(node, spec_pb2.Job):
            left += [(f"{path}/", child) for child in reversed(node.jobs)]
