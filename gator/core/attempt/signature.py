"""The signature of a failure: a hash of it without everything that changes by chance.

Invariant: signatures are compared over years of runs, so their rule changes only with its version; a test
pins some. Patterns are compiled when the first failure needs them.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final

from gator.core.outcomes import FAILURES
from gator.core.text import ANSI_PATTERN, MAX_CHARACTERS
from gator.v1 import common_pb2 as pb
from gator.v1 import event_pb2, query_pb2

VERSION: Final = "s0"
"""Version of the rule. Signatures of different versions are never equal."""
DIGITS: Final = 16
"""Number of hexadecimal digits of a signature, after its version."""
MAX_RUNNERS_UP: Final = 3
"""Maximum number of messages kept besides the chosen one."""
NUMBER, NAME, PATH = "#", "''", "<path>"
"""Marks for numbers and times, for quoted names, and for files and folders."""

_MAX_NORMALISED = 300
_BY_SENTENCE = frozenset(
    {pb.REASON_LOST, pb.REASON_RUN_DIED, pb.REASON_DAEMON_START, pb.REASON_DISK_FULL, pb.REASON_NOT_STARTED}
)
"""Reasons for which messages of the job are not to blame."""

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_PART = r"(?:[\w.+@%~-]|\[\d+\])+"
_CHANCE = (
    # Dates with names of days or months; dates of digits match as numbers.
    r"(?P<date>\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)?(?:\d{1,2}[\s-]+)?"
    rf"{_MONTH}[\s-]+\d{{1,4}}\b"
    r"|\b\d{4}-\d\d-\d\dT\d\d:?\d\d(?::?\d\d(?:[.,]\d+)?)?(?:Z\b|[+-]\d\d:?\d\d\b)?"
    r"|\b\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?[AP]M\b)?(?:\s(?:UTC|GMT|[A-Z]{1,3}T)\b)?)"
    r"|(?P<uuid>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)"
    # A name has at most two words; the words of a longer quotation distinguish failures.
    r"|(?P<name>(?<!\w)[\"'`‘“](?:[^\s\"'`‘’“”]{1,200}(?: [^\s\"'`‘’“”]{1,200})?)?[\"'`’”](?!\w))"
    # A literal of Verilog: 32'hdead_beef, 'h1f, 4'b10xx.
    r"|(?P<literal>(?<![\w'])\d*+'[sS]?[bodhBODH][0-9a-fA-FxXzZ?_]+(?![\w']))"
    r"|(?P<url>\b[a-zA-Z][\w+.-]*://[^\s\"'<>()]++)"
    r"|(?P<drive>(?<!\w)[A-Za-z]:\\[^\s:\"'<>|*?]*+)"
    rf"|(?P<path>(?<![\w/.+@%~-])(?:{_PART})?(?:/{_PART})+/?)"
    r"|(?P<seed>(?<=(?i:seed)[=:])\s?[\w+-]+)"
    r"|(?P<value>(?<==)[0-9a-fA-FxXzZ_]+(?![\w.]))"
    r"|(?P<hex>(?<![^\W_])(?:0[xX][0-9a-fA-F_]+|(?=[a-fA-F]{0,2}\d)[0-9a-fA-F]+|[0-9a-fA-F]{8,})(?![^\W_]))"
    r"|(?P<digits>\d+)"
    r"|(?P<special>(?<!\w)(?:[nN]a[nN]|[iI]nf)(?!\w))"
)
_UNIT = (
    r"(?:\s?(?:[mnpfuµ]?s|secs?|seconds?|mins?|minutes?|hrs?|hours?|days?|[hm](?=\W|$|#)|[kKMGT]i?B|[Bb]ytes?|%)"
    r"(?![^\W\d_]))?"
)
_TOGETHER = rf"(?:(?<![\w#])[-+])?#{_UNIT}(?:[\s,:;./|_-]*[-+]?#{_UNIT})*"
_NAMES = r"''(?:(?:\s?,\s?|,?\s(?:and|or)\s)'')+"
_PATHS = r"<path>(?:[:;,]\s?<path>)+"
_PLURAL = r"(?<=# )([a-zA-Z]{3,}?)s\b"
_DUMPED = " (core dumped)"


def signature_of(reason: pb.Reason.ValueType, first_error: str, message: str) -> str:
    """Returns the signature of a failure with this reason, first error and sentence of Gator about it.

    Two failures that differ only in numbers, times, paths and quoted names have the same signature.
    """
    by_gator = not first_error or reason in _BY_SENTENCE
    return _signature(reason, message if by_gator else first_error, by_gator)


def signature_from(inputs: event_pb2.FailureInputs) -> str:
    """Returns the signature that this version of the rule computes from the kept inputs of a failure."""
    return _signature(inputs.reason, inputs.message, inputs.by_gator)


@lru_cache(maxsize=256)
def _signature(reason: pb.Reason.ValueType, message: str, by_gator: bool) -> str:
    from hashlib import blake2b

    if by_gator:
        # Only the status distinguishes failures without any message.
        status = " ".join(_pattern(r"\b(?:code|signal) (\d+)").findall(message))
        said = f"sentence {status} {normalised(message)}"
    else:
        said = f"error {normalised(message)}"
    text = f"{int(reason)} {said}".encode("utf-8", "surrogatepass")
    return f"{VERSION}-{blake2b(text, digest_size=DIGITS // 2).hexdigest()}"


def sign(
    end: event_pb2.AttemptFinished | event_pb2.Result | query_pb2.Node,
    runners_up: Sequence[event_pb2.ErrorMessage] = (),
) -> None:
    """Gives the end of an attempt or job its signature, if it FAILED or was LOST and has none yet.

    The end of an attempt also gets the inputs of its signature; `runners_up` are the messages that could
    have been chosen instead.
    """
    if end.outcome not in FAILURES or end.signature:
        return
    if isinstance(end, event_pb2.AttemptFinished):
        _keep_inputs(end, runners_up)
        # From the inputs, so that they are certain to be enough for a later version.
        end.signature = signature_from(end.failure_inputs)
    else:
        end.signature = signature_of(end.reason, end.first_error.text, end.message)


def _keep_inputs(end: event_pb2.AttemptFinished, runners_up: Sequence[event_pb2.ErrorMessage]) -> None:
    inputs, chosen = end.failure_inputs, end.first_error
    inputs.reason = end.reason
    if end.HasField("exit_code"):
        inputs.exit_code = end.exit_code
    if end.HasField("signal"):
        inputs.signal = end.signal
    inputs.by_gator = not chosen.text or end.reason in _BY_SENTENCE
    inputs.message = end.message if inputs.by_gator else chosen.text
    if not inputs.by_gator:
        inputs.stream, inputs.line = chosen.stream, chosen.line
    inputs.runners_up.extend([one for one in runners_up if one != chosen][:MAX_RUNNERS_UP])


def normalised(text: str) -> str:
    """Returns a message on one line, with marks for everything random, cut to 300 characters."""
    if len(text) >= MAX_CHARACTERS:
        # The place of the cut depends on random parts, so the last word is dropped.
        text = text[:MAX_CHARACTERS].rpartition(" ")[0] or text[:MAX_CHARACTERS]
    if "\x1b" in text:
        text = _pattern(ANSI_PATTERN.decode()).sub("", text)
    text = _pattern(_CHANCE).sub(_mark, " ".join(text.split()))
    text = _pattern(_TOGETHER).sub(NUMBER, text).replace(_DUMPED, "")
    text = _pattern(_PLURAL).sub(r"\1", text)
    text = _pattern(_NAMES).sub(NAME, text)
    text = _pattern(_PATHS).sub(PATH, text)
    return " ".join(text[:_MAX_NORMALISED].split())


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _mark(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "name":
            return NAME
        case "path":
            return _path(found)
        case "url" | "drive":
            return PATH
        case _:
            return NUMBER


def _path(found: re.Match[str]) -> str:
    """Returns the file name of a position in a source, which distinguishes causes; a mark for other paths."""
    path = found[0]
    parts = path.split("/")
    if all(part.isdigit() for part in parts):
        return NUMBER
    if len(parts) == 2 and parts[0].isalpha() and parts[1].rstrip(".-").isalpha():
        # "read/write", "Input/output", "N/A".
        return path
    after = found.string[found.end() : found.end() + 2]
    if len(after) == 2 and after[0] in ":(," and after[1].isdigit() and parts[-1]:
        return _pattern(r"\d+").sub(NUMBER, parts[-1])
    return PATH
