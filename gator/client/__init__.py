"""Messages and metrics from inside a Python job: `gator.client.info("ready")`, `metric("cycles", 7)`.

Only the public calls are exported. Importing this package takes under 60 ms and imports no gRPC.
"""

from gator.client.api import (
    connect,
    critical,
    debug,
    error,
    flush,
    info,
    log,
    metric,
    params,
    warning,
)
from gator.client.client import Client
from gator.client.handler import GatorHandler

__all__ = [
    "Client",
    "GatorHandler",
    "connect",
    "critical",
    "debug",
    "error",
    "flush",
    "info",
    "log",
    "metric",
    "params",
    "warning",
]
