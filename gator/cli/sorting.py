"""The `--sort` option of all commands that list nodes."""

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
        help="Sort by spec (default), by start or end (earliest first), or by duration, processor or "
        "memory (largest first).",
        autocompletion=lambda: list(_ORDERS),
    ),
]


def order_of(text: str) -> qs.NodeOrder.ValueType:
    """Returns the order that the option means. Raises UsageError."""
    order = _ORDERS.get(text.lower())
    if order is None:
        raise UsageError(f"--sort takes {', '.join(_ORDERS)}, not {text!r}")
    return order
