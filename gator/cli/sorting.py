"""The option that sorts nodes, the same for all commands that list them."""

from typing import Annotated, Final

import typer

from gator.errors import UsageError
from gator.v1 import query_service_pb2 as qs

_ORDERS: Final = {
    "spec": qs.NODE_ORDER_SPEC,
    "start": qs.NODE_ORDER_STARTED,
    "end": qs.NODE_ORDER_ENDED,
    "duration": qs.NODE_ORDER_DURATION,
    "processor": qs.NODE_ORDER_PROCESSOR,
    "memory": qs.NODE_ORDER_MEMORY,
}

SortOption = Annotated[
    str,
    typer.Option(
        "--sort",
        metavar="ORDER",
        help="spec (default), start or end, the first first; duration, processor or memory, the most first.",
        autocompletion=lambda: list(_ORDERS),
    ),
]


def order_of(text: str) -> qs.NodeOrder.ValueType:
    """Returns the order that the option means. Raises UsageError."""
    order = _ORDERS.get(text.lower())
    if order is None:
        raise UsageError(f"--sort takes {', '.join(_ORDERS)}, not {text!r}")
    return order
