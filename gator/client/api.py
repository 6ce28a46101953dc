"""Messages and metrics from inside a Python job: `gator.client.info("ready")`, `metric("cycles", 7)`.

Outside of a job all functions do nothing, and the first call writes a notice to stderr.
"""

import os
from collections.abc import Mapping
from typing import Any

from gator.client.client import EXIT_SECONDS, Client
from gator.client.shared import shared_client

__all__ = [
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


def connect(environ: Mapping[str, str] | None = None) -> Client:
    """Returns a separate client, for use as a context manager; the functions of this module share one."""
    return Client(os.environ if environ is None else environ)


def log(text: object, *, severity: str = "info", logger: str = "", **fields: object) -> None:
    """Records one message with further fields; see Client.log."""
    shared_client().log(text, severity=severity, logger=logger, fields=fields)


def debug(text: object, *, logger: str = "", **fields: object) -> None:
    """Records a message that helps to find a fault."""
    log(text, severity="debug", logger=logger, **fields)


def info(text: object, *, logger: str = "", **fields: object) -> None:
    """Records a message about normal operation."""
    log(text, severity="info", logger=logger, **fields)


def warning(text: object, *, logger: str = "", **fields: object) -> None:
    """Records a message about a possible fault."""
    log(text, severity="warning", logger=logger, **fields)


def error(text: object, *, logger: str = "", **fields: object) -> None:
    """Records a fault; by default one fault fails the attempt."""
    log(text, severity="error", logger=logger, **fields)


def critical(text: object, *, logger: str = "", **fields: object) -> None:
    """Records a fault after which the job cannot continue."""
    log(text, severity="critical", logger=logger, **fields)


def metric(name: str, value: float, *, kind: str = "last", unit: str = "") -> None:
    """Records one value of a metric; see Client.metric."""
    shared_client().metric(name, value, kind=kind, unit=unit)


def flush(timeout_seconds: float = EXIT_SECONDS) -> bool:
    """Waits until the parent has kept all messages so far. Returns False on timeout."""
    return shared_client().flush(timeout_seconds)


def params(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Returns the parameters of this job by name: strings, numbers, booleans and lists of texts.

    They are read from GATOR_PARAMS; a process without this variable asks the parent. Outside of a job, and in
    one without parameters, the mapping is empty. Raises TimeoutError if the parent does not answer.
    """
    import json

    given = os.environ if environ is None else environ
    text = given.get("GATOR_PARAMS")
    if text is None:
        text = _asked(given)
    values: dict[str, Any] = json.loads(text) if text else {}
    return values


def _asked(environ: Mapping[str, str]) -> str:
    """Returns the parameters of the job as its parent knows them. Raises TimeoutError."""
    asking = Client(environ, threaded=False)
    text = asking.parameters()
    asking.close(0.0)
    if text is None:
        raise TimeoutError("the parent of this job did not send its parameters")
    return text
