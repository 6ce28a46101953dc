"""Calls a Python function on behalf of a job: `python call.py MODULE:FUNCTION ARGUMENTS`.

It is run as a file by any Python from 3.7 on, so it imports nothing but the standard library. What the
function returns, and an exception, become messages of the job by lines that begin with `::gator`.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any


def main(call: str, arguments: str) -> int:
    """Calls a function with keyword arguments in JSON. Returns the exit code."""
    sys.path.insert(0, str(Path.cwd()))
    module, _, name = call.partition(":")
    try:
        function: Any = importlib.import_module(module)
        for part in name.split("."):
            function = getattr(function, part)
        result = function(**json.loads(arguments))
    except Exception as error:
        sys.stdout.flush()
        traceback.print_exception(type(error), error, _own(error.__traceback__))
        sys.stderr.flush()
        print_message("error", f"{type(error).__name__}: {error}", type(error).__name__, *_place(error))
        return 1
    if result is not None:
        code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
        place = (code.co_filename, code.co_firstlineno) if code else ("", 0)
        print_message("info", f"{call} returned {_shown(result)}", "", *place)
    return 0


def print_message(severity: str, text: str, code: str, file: str, line: int) -> None:
    """Prints a message as a command of output."""
    fields = {"severity": severity, "logger": "python", "code": code, "file": file}
    if line:
        fields["line"] = str(line)
    parts = [f"{key}={_escaped(value, more=True)}" for key, value in fields.items() if value]
    print(f"::gator log {' '.join(parts)}::{_escaped(text)}", flush=True)  # noqa: T201 - it is what this is for


def _own(trace: TracebackType | None) -> TracebackType | None:
    """Returns a traceback without the frames of this file and of importlib."""
    while trace is not None and (
        trace.tb_frame.f_code.co_filename == __file__ or "importlib" in trace.tb_frame.f_code.co_filename
    ):
        trace = trace.tb_next
    return trace


def _place(error: BaseException) -> tuple[str, int]:
    """Returns the file and line in which an exception was raised."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 0
    frames = traceback.extract_tb(_own(error.__traceback__))
    return (frames[-1].filename, frames[-1].lineno or 0) if frames else ("", 0)


def _shown(result: object) -> str:
    try:
        return json.dumps(result)
    except (TypeError, ValueError):
        return repr(result)


def _escaped(text: str, more: bool = False) -> str:
    for character, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(character, code)
    if more:
        for character, code in ((":", "%3A"), (",", "%2C"), (" ", "%20"), ("\t", "%09")):
            text = text.replace(character, code)
    return text


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
