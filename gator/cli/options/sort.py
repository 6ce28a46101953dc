"""The `--sort` option of all commands that list nodes."""

from typing import Annotated, Final

import typer

from gator.errors import OptionError
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs

_ORDERS: Final = {
    "spec": qs.NODE_ORDER_SPEC,
    "start": qs.NODE_ORDER_STARTED,
    "end": qs.NODE_ORDER_ENDED,
    "duration": qs.NODE_ORDER_DURATION,
    "processor": qs.NODE_ORDER_PROCESSOR,
    "memory": qs.NODE_ORDER_MEMORY,
}

_NEVER: Final = 1 << 62

SortOption = Annotated[
    str,
    typer.Option(
        "--sort",
        metavar="ORDER",
        help="Sort by spec (default), by start or end (earliest first), or by duration, processor or "
        "memory (largest first).",
        show_default=False,
        autocompletion=lambda: list(_ORDERS),
    ),
]


def order_of(text: str) -> qs.NodeOrder.ValueType:
    """Returns the order that the option means. Raises UsageError for an unknown word."""
    order = _ORDERS.get(text.lower())
    if order is None:
        raise OptionError("--sort", text, f"must be one of {', '.join(_ORDERS)}")
    return order


def sort_value(node: query_pb2.Node, order: qs.NodeOrder.ValueType) -> int:
    """Returns what an ended node is sorted by in an order, before its place in the spec."""
    match order:
        case qs.NODE_ORDER_STARTED:
            return node.started_unix_nanos or _NEVER
        case qs.NODE_ORDER_ENDED:
            return node.ended_unix_nanos or _NEVER
        case qs.NODE_ORDER_DURATION:
            by_wall_clock = node.started_unix_nanos - node.ended_unix_nanos if node.started_unix_nanos else 1
            return -node.usage.wall_nanos or by_wall_clock
        case qs.NODE_ORDER_PROCESSOR:
            used = node.usage
            return -(used.user_nanos + used.system_nanos) if node.HasField("usage") else 1
        case qs.NODE_ORDER_MEMORY:
            return -node.usage.peak_memory_bytes if node.usage.HasField("peak_memory_bytes") else 1
        case _:
            return 0
