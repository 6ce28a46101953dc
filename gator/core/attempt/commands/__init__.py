"""Commands in the output of a job: lines such as `::gator metric name=cycles value=7`.

A job can print them in any language. `grammar` reads and writes one line, `reader` finds the lines in the
output of an attempt and says what they mean.

Invariant: a line that is not a valid command stays a plain line, and never fails a job.
"""

from gator.core.attempt.commands.grammar import CommandError, OutputCommand, command_line, parse_command
from gator.core.attempt.commands.reader import (
    PARSER,
    BlockCommands,
    CommandReader,
    OutputPayload,
    payload_event,
)

__all__ = [
    "PARSER",
    "BlockCommands",
    "CommandError",
    "CommandReader",
    "OutputCommand",
    "OutputPayload",
    "command_line",
    "parse_command",
    "payload_event",
]
