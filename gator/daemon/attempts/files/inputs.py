"""Finds what an attempt gets from jobs that ran before it, in the folder of the run.

Invariant: runs in a thread, and only for attempts that get anything.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from gator.core.attempt.hooks import outcome_word, reason_word
from gator.core.attempt.start.environment import Inputs
from gator.errors import reason_of
from gator.node_paths import ancestors
from gator.path_patterns import PathPattern, slug
from gator.store.run.reader import FolderReader
from gator.v1 import attach_pb2, event_pb2, query_pb2

MAX_FAILURES: Final = 1_000
"""Maximum number of failures in the file."""


def gather_inputs(folder: str, node: attach_pb2.LaunchNode) -> Inputs:
    """Returns what the attempt gets. Raises OSError and StoreError."""
    environment: dict[str, str] = {}
    if node.failures_of:
        environment["GATOR_FAILURES"] = str(_write_failures(Path(folder), node))
    if not node.inputs:
        return Inputs(environment)
    from gator.daemon.artefacts.fetch import MissingError, environment_of, fetch

    try:
        values = fetch(Path(folder), node)
    except MissingError as error:
        return Inputs(problem=str(error))
    except OSError as error:
        return Inputs(problem=f"its artefacts cannot be read: {error.filename}: {reason_of(error)}")
    names = {f"artefacts.{name}": value for name, value in values.items()}
    return Inputs(environment | environment_of(values), names)


def _write_failures(folder: Path, node: attach_pb2.LaunchNode) -> Path:
    """Writes the failures for which the job was started to a JSON file, and returns its path."""
    file = folder / "failures" / f"{slug(node.path)}.{node.attempt}.json"
    file.parent.mkdir(exist_ok=True)
    # The stores of daemons may be ahead of that of the root.
    with FolderReader.open(folder, live=False, copied=True) as reader:
        failures = list(_failures(reader, [PathPattern(f"/{each}") for each in node.failures_of]))
    file.write_text(json.dumps({"job": node.path, "failures": failures}, indent=1) + "\n")
    return file


def _failures(reader: FolderReader, patterns: Sequence[PathPattern]) -> Iterator[dict[str, Any]]:
    failed = sorted(reader.failed(""), key=lambda each: (each.ended_unix_nanos, each.path))
    left = MAX_FAILURES
    for each in failed:
        places = (each.path, *ancestors(each.path))
        if not left or not any(pattern.level(place) == 0 for pattern in patterns for place in places):
            continue
        node = reader.node(each.path)
        if node is not None:
            left -= 1
            yield _values(node)


def _values(node: query_pb2.Node) -> dict[str, Any]:
    return {
        "path": node.path,
        "outcome": outcome_word(node.outcome),
        "reason": reason_word(node.reason),
        "message": node.message,
        "attempts": node.attempts,
        "seed": node.seed,
        "signature": node.signature,
        "first_error": _error(node.first_error) if node.HasField("first_error") else None,
    }


def _error(error: event_pb2.ErrorMessage) -> dict[str, Any]:
    return {"text": error.text, "file": error.file, "line": error.file_line, "code": error.code}
