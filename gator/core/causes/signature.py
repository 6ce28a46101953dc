"""The signature of a failure: a hash of its cause without everything that changes by chance.

Invariant: signatures are compared over years of runs, so their rule changes only with its version; a test
pins some.
"""

import re
from functools import lru_cache
from typing import Final

from gator.core.causes.first_error import Choice
from gator.core.causes.normalise import base_name, instance_name, job_name, normalised
from gator.core.outcomes import FAILURES
from gator.v1 import common_pb2, event_pb2, query_pb2

VERSION: Final = "s1"
"""Version of the rule and of the built-in parsers. Signatures of different versions are never equal.

It is raised if a failure that a release has signed would get another one: `docs/decisions/015` says how.
"""
DIGITS: Final = 16
"""Number of hexadecimal digits of a signature, after its version."""
MAX_RUNNERS_UP: Final = 3
"""Maximum number of messages kept besides the chosen one."""

BY_SENTENCE = frozenset(
    {
        common_pb2.REASON_LOST,
        common_pb2.REASON_RUN_DIED,
        common_pb2.REASON_DAEMON_START,
        common_pb2.REASON_DISK_FULL,
        common_pb2.REASON_NOT_STARTED,
    }
)
"""Reasons for which messages of the job are not to blame."""
_BY_JOB = frozenset(
    {
        common_pb2.REASON_EXIT,
        common_pb2.REASON_SIGNAL,
        common_pb2.REASON_TIMEOUT,
        common_pb2.REASON_HANG,
        common_pb2.REASON_MEMORY,
    }
)
"""Reasons whose sentence tells nothing of the cause: without output, other jobs have other causes."""


def is_current(signature: str) -> bool:
    """Returns whether a signature has this version."""
    return signature.startswith(f"{VERSION}-")


def signature_from(inputs: event_pb2.FailureInputs) -> str:
    """Returns the signature that this version of the rule computes from the inputs of a failure.

    Two failures that differ only in numbers, times, paths and values have the same signature.
    """
    parts: list[str] = [str(int(inputs.reason))]
    if inputs.by_gator or not inputs.parser:
        # Without a message that a parser recognised, the status distinguishes failures.
        parts += [f"exit {inputs.exit_code}", f"signal {inputs.signal}"]
    elif inputs.reason == common_pb2.REASON_SIGNAL:
        parts.append(f"signal {inputs.signal}")
    parts += [inputs.parser, inputs.code, base_name(inputs.file), instance_name(inputs.item)]
    if inputs.by_gator:
        # The names of daemons have numbers.
        parts += [inputs.job] if inputs.job else []
        return _hash("\n".join([*parts, "sentence"]), re.sub(r"\b([a-z]+)\d+\b", r"\1 0", inputs.message))
    return _hash("\n".join([*parts, "error"]), inputs.message)


@lru_cache(maxsize=256)
def _hash(known: str, message: str) -> str:
    from hashlib import blake2b

    text = f"{known}\n{normalised(message)}".encode("utf-8", "surrogatepass")
    return f"{VERSION}-{blake2b(text, digest_size=DIGITS // 2).hexdigest()}"


def sign(
    end: event_pb2.AttemptFinished | event_pb2.Result | query_pb2.Node,
    choice: Choice | None = None,
    path: str = "",
) -> None:
    """Signs the end of an attempt or job if it FAILED or was LOST and has no signature yet.

    `path` is that of the job. The end of an attempt also keeps the inputs of its signature.
    """
    if end.outcome not in FAILURES or end.signature:
        return
    if isinstance(end, event_pb2.AttemptFinished):
        _fill(end.failure_inputs, end, choice, path)
        # From the inputs, so that they are certain to be enough for a later version.
        end.signature = signature_from(end.failure_inputs)
        return
    inputs = event_pb2.FailureInputs()
    shown = end.first_error
    _fill(inputs, end, Choice(shown, shown) if shown.text else None, path)
    end.signature = signature_from(inputs)


def _fill(
    inputs: event_pb2.FailureInputs,
    end: event_pb2.AttemptFinished | event_pb2.Result | query_pb2.Node,
    choice: Choice | None,
    path: str,
) -> None:
    inputs.reason, inputs.version = end.reason, VERSION
    if isinstance(end, event_pb2.AttemptFinished):
        if end.HasField("exit_code"):
            inputs.exit_code = end.exit_code
        if end.HasField("signal"):
            inputs.signal = end.signal
    inputs.by_gator = choice is None or end.reason in BY_SENTENCE
    if choice is None or inputs.by_gator:
        inputs.message = end.message
        if end.reason in _BY_JOB:
            inputs.job = job_name(path)
    else:
        chosen = choice.signing
        inputs.message = chosen.message or chosen.text
        inputs.parser, inputs.code = chosen.parser, chosen.code
        inputs.file, inputs.item = chosen.file, chosen.item
        inputs.stream, inputs.line = chosen.stream, chosen.line
        inputs.runners_up.extend(choice.others[:MAX_RUNNERS_UP])
