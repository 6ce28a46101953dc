"""Hides secrets in everything that Gator prints and records: values of variables, and passwords in URLs.

Invariant: the name of a variable decides whether its value is a secret; a URL tells its own password.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from gator.v1 import plan_pb2, spec_pb2

MASK = "***"
_NO_SECRETS = (spec_pb2.PARAM_TYPE_NUMBER, spec_pb2.PARAM_TYPE_BOOL)
MIN_SECRET = 8
"""Minimum length of a value that is masked in other strings: shorter ones occur by chance."""
_ACCESS_WORDS = ("TOKEN", "SECRET", "PAT", "AUTH", "COOKIE", "CREDENTIAL", "CREDENTIALS", "KEY", "APIKEY")
_SECRET_WORDS = frozenset((*_ACCESS_WORDS, "PASS", "PASSWD", "PASSWORD", "PASSPHRASE", "PWD"))
_FOLDERS = frozenset(("PWD", "OLDPWD"))
_PLACES = frozenset(("FILE", "PATH", "SOCK", "DIR"))
"""Last words of the names of variables that hold the location of a secret."""
_URL_PASSWORD = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@\"']*):([^\s/@\"']+)@")


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Returns whether a word of a variable's name marks its value as a secret."""
    words = name.upper().split("_")
    return name not in _FOLDERS and words[-1] not in _PLACES and not _SECRET_WORDS.isdisjoint(words)


def masked(job: spec_pb2.Job, names: Collection[str] = ()) -> spec_pb2.Job:
    """Returns a copy of a job with the values of secret variables masked; `names` are further ones."""
    copy = spec_pb2.Job()
    copy.CopyFrom(job)
    hide_within(copy, secret_values(mask_variables(copy, names), names))
    return copy


def secret_names(request: plan_pb2.PlanRequest) -> list[str]:
    """Returns the names of secret variables listed at the root of a spec, and above it."""
    return [*request.spec.group.secrets, *request.spec.array.secrets, *request.above.secrets]


def mask(environment: Mapping[str, str], names: Collection[str] = ()) -> dict[str, str]:
    """Returns the environment with secrets masked; `names` are further variables that hold some."""
    return {
        name: MASK if name in names or is_secret(name) else hide_urls(value)
        for name, value in environment.items()
    }


def mask_variables(message: Message, names: Collection[str] = ()) -> list[tuple[str, str]]:
    """Masks the values of secret variables at any depth; returns the original values."""
    hidden: list[tuple[str, str]] = []
    for part in _parts(message):
        if isinstance(part, spec_pb2.Param):
            # Numbers and booleans are not secrets, and the plan may depend on them.
            if is_secret_param(part.name, names) and part.type not in _NO_SECRETS:
                hidden += ((part.name, value) for value in part.values)
                part.values[:] = [MASK] * len(part.values)
        elif isinstance(part, spec_pb2.EnvVariable) and part.value and _is_hidden(part.name, names):
            hidden.append((part.name, part.value))
            part.value = MASK
    return hidden


def _is_hidden(variable: str, names: Collection[str]) -> bool:
    return variable in names or is_secret(variable)


def is_secret_param(name: str, names: Collection[str]) -> bool:
    """Returns whether the value of a parameter is a secret; `names` are those that a spec lists.

    The list can have its own name and that of its variable.
    """
    return is_secret(name) or name in names or f"GATOR_PARAM_{name.upper()}" in names


def secret_params(request: plan_pb2.PlanRequest) -> set[str]:
    """Returns the names of the parameters of a spec, and above it, whose values are secrets."""
    names = secret_names(request)
    parts = (part for message in (request.spec, request.above) for part in _parts(message))
    params = (part.name for part in parts if isinstance(part, spec_pb2.Param))
    return {name for name in params if is_secret_param(name, names)}


def hide_within(message: Message, secrets: Sequence[str]) -> None:
    """Masks every secret, and passwords of URLs, in the strings of a message at any depth."""
    whole = message.SerializeToString()
    present = [secret for secret in secrets if secret.encode(errors="surrogateescape") in whole]
    if not present and b"://" not in whole:
        return
    for part in _parts(message):
        for field, value in part.ListFields():
            if field.type != FieldDescriptor.TYPE_STRING:
                continue
            if field.is_repeated:
                value[:] = hide(value, present)
            else:
                setattr(part, field.name, hide([value], present)[0])


def _parts(message: Message) -> Iterator[Message]:
    """Yields the message and all messages within it, except entries of maps."""
    waiting: list[Message] = [message]
    while waiting:
        part = waiting.pop()
        yield part
        for field, value in part.ListFields():
            if field.message_type is not None and not field.message_type.GetOptions().map_entry:
                waiting += value if field.is_repeated else [value]


def secret_values(
    variables: Iterable[tuple[str, str]],
    names: Collection[str] = (),
    exists: Callable[[str], bool] = lambda path: False,
) -> list[str]:
    """Returns the values to mask in other strings, the longest first.

    `names` are variables that hold secrets besides those recognised by name. Short values, numbers and
    paths for which `exists` is true are not secrets. The repr() of each value is included.
    """
    values: set[str] = set()
    for name, value in variables:
        if name in names or is_secret(name):
            values.add(value)
        elif "://" in value:
            values.update(password for _, password in _URL_PASSWORD.findall(value))
    kept = {
        value for value in values if len(value) >= MIN_SECRET and not _is_number(value) and not exists(value)
    }
    written = {repr(value)[1:-1] for value in kept}
    return sorted(kept | written, key=lambda value: (-len(value), value))


def hide(texts: Sequence[str], secrets: Sequence[str]) -> list[str]:
    """Returns `texts`, such as an argv, with every secret and every password of a URL masked."""
    shown: list[str] = list(texts)
    joined = "\0".join(texts)
    for secret in secrets:
        if secret and secret in joined:
            shown = [text.replace(secret, MASK) for text in shown]
    return list(map(hide_urls, shown)) if "://" in joined else shown


def hide_urls(text: str) -> str:
    """Returns a string with the passwords in its URLs masked."""
    return _URL_PASSWORD.sub(rf"\1:{MASK}@", text) if "://" in text else text


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
