"""Reads `retries`: a number of further attempts, or a mapping."""

from typing import Final

from yaml.nodes import ScalarNode

from gator.enum_names import enum_value
from gator.spec import keys
from gator.spec.builders import scalars
from gator.spec.builders.context import Pair
from gator.spec.builders.scope import KeyContext
from gator.spec.builders.values import known, mapping, text_or_texts
from gator.spec.suggestions import did_you_mean
from gator.v1 import common_pb2, spec_pb2

MAX_COUNT: Final = 1000
"""Maximum number of further attempts."""
MAX_BACKOFF: Final = 100


def read_retries(retries: spec_pb2.Retries, key: KeyContext) -> None:
    """Reads the value of `retries`."""
    context = key.context
    if isinstance(key.value, ScalarNode):
        count = scalars.integer(context, key.value, "retries", 0, MAX_COUNT, alternative=" or {count: N}")
        if count is not None:
            retries.count = count
        return
    for name, pair in known(context, mapping(context, key.value, "retries"), "retries", "retries").items():
        match name:
            case "reasons":
                _reasons(retries, key, pair)
            case "delay":
                millis = scalars.duration(context, pair.value, "delay")
                if millis is not None:
                    retries.delay_millis = millis
            case "backoff":
                _backoff(retries, key, pair)
            case "reseed":
                reseed = scalars.boolean(context, pair.value, "reseed")
                if reseed is not None:
                    retries.reseed = reseed
            case _:
                count = scalars.integer(context, pair.value, name, 0, MAX_COUNT)
                if count is not None:
                    setattr(retries, name, count)


def _reasons(retries: spec_pb2.Retries, key: KeyContext, pair: Pair) -> None:
    for node, word in text_or_texts(key.context, pair.value, "reasons"):
        if word not in keys.RETRY_REASONS:
            hint = (
                did_you_mean(word, keys.RETRY_REASONS) or f": must be one of {', '.join(keys.RETRY_REASONS)}"
            )
            key.context.problem(node, f"unknown reason '{word}'{hint}")
            continue
        reason = enum_value(common_pb2.Reason, word)
        if reason not in retries.reasons:
            retries.reasons.append(reason)


def _backoff(retries: spec_pb2.Retries, key: KeyContext, pair: Pair) -> None:
    text = scalars.text(key.context, pair.value, "backoff")
    if text is None:
        return
    try:
        factor = float(text)
    except ValueError:
        factor = 0
    if 1 <= factor <= MAX_BACKOFF:
        retries.backoff = factor
    else:
        key.context.problem(pair.value, f"'backoff' must be a number from 1 to {MAX_BACKOFF}, not '{text}'")
