"""The options of runners, and the command of the runner that calls a Python function.

Invariant: pure; runners that need more than data are in `gator.runners`.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Final

from gator.v1 import spec_pb2

PYTHON: Final = "python"
_CALL_FILE: Final = str(PurePath(__file__).parents[3] / "runners" / "call.py")
_NUMBER: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_WORDS: Final = {"true": True, "false": False, "null": None, "~": None, "": None}


def is_special(settings: spec_pb2.Settings) -> bool:
    """Returns whether another runner than the default starts the command of a job."""
    return settings.HasField("runner") and settings.runner.name not in ("process", "shell")


def options_of(runner: spec_pb2.Runner, fill: Callable[[str], str]) -> dict[str, Any]:
    """Returns the options of a runner as values; `fill` fills in names."""
    return {entry.name: value_of(entry.value, fill) for entry in runner.options.map.entries}


def value_of(value: spec_pb2.RunnerValue, fill: Callable[[str], str]) -> Any:
    """Returns a value: unquoted numbers, booleans and null are those, all else is text."""
    match value.WhichOneof("value"):
        case "map":
            return {entry.name: value_of(entry.value, fill) for entry in value.map.entries}
        case "list":
            return [value_of(item, fill) for item in value.list.items]
        case "plain":
            text = fill(value.plain)
            if re.fullmatch(_NUMBER, text):
                return json.loads(text)
            return _WORDS.get(text, text)
        case _:
            return fill(value.text)


def python_argv(runner: spec_pb2.Runner, fill: Callable[[str], str]) -> list[str]:
    """Returns the command line that calls a Python function."""
    options = options_of(runner, fill)
    interpreter = str(options.get("interpreter") or sys.executable)
    arguments = json.dumps(options.get("with") or {})
    return [interpreter, _CALL_FILE, str(options.get("call", "")), arguments]


def describe_call(runner: spec_pb2.Runner) -> str:
    """Returns the call of the runner python as written."""
    options = options_of(runner, str)
    arguments: dict[str, Any] = options.get("with") or {}
    given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"{options.get('call', '')}({given})"
