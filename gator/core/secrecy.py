"""Hides what looks secret from the record: values of variables, wherever they stand.

Rule: the name of a variable decides whether its value is a secret, nothing else does.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from gator.v1 import spec_pb2

MASK = "***"
_SHORTEST_SECRET = 6
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|KEY|CREDENTIAL", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether a variable of this name looks as if nobody should read its value."""
    return _SECRET_NAME.search(name) is not None


def mask(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with the values of what looks secret hidden."""
    return {name: MASK if is_secret(name) else value for name, value in environment.items()}


def mask_variables(message: Message) -> list[str]:
    """Hide the values of variables that look secret at any depth; gives what to hide elsewhere."""
    hidden: list[tuple[str, str]] = []
    for part in _parts(message):
        if isinstance(part, spec_pb2.EnvVariable) and part.value and is_secret(part.name):
            hidden.append((part.name, part.value))
            part.value = MASK
    return secret_values(hidden)


def hide_within(message: Message, secrets: Sequence[str]) -> None:
    """Replace every secret in the texts of a message, at any depth."""
    whole = message.SerializeToString()
    found = [secret for secret in secrets if secret.encode(errors="surrogateescape") in whole]
    if not found:
        return
    for part in _parts(message):
        for field, value in part.ListFields():
            if field.type != FieldDescriptor.TYPE_STRING:
                continue
            if field.is_repeated:
                value[:] = hide(value, found)
            else:
                setattr(part, field.name, hide([value], found)[0])


def _parts(message: Message) -> Iterator[Message]:
    """The message and all those within it, but for the entries of maps."""
    waiting: list[Message] = [message]
    while waiting:
        part = waiting.pop()
        yield part
        for field, value in part.ListFields():
            if field.message_type is not None and not field.message_type.GetOptions().map_entry:
                waiting += value if field.is_repeated else [value]


def secret_values(variables: Iterable[tuple[str, str]]) -> list[str]:
    """Values worth hiding; very short ones would hide half of every text."""
    return [value for name, value in variables if len(value) >= _SHORTEST_SECRET and is_secret(name)]


def hide(texts: Sequence[str], secrets: Sequence[str]) -> list[str]:
    """`texts`, such as an argv, with every secret in them replaced."""
    shown: list[str] = list(texts)
    joined = "\0".join(texts)
    for secret in secrets:
        if secret and secret in joined:
            shown = [text.replace(secret, MASK) for text in shown]
    return shown
