"""Chooses the first error of an attempt again, from its stored output.

The parsers and the rule of signatures have one version. A failure that another version signed is read with
the parsers of today, so that an upgrade makes no old failure new.

Invariant: the choice is the one that a new attempt with this output would have.
"""

from gator.core.attempt.events import reported
from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.notices import GATOR_LOGGER
from gator.core.attempt.output.observers import LineAssembler
from gator.core.attempt.output.parsing import LineParser
from gator.core.attempt.severity import Messages
from gator.core.causes.failed_tests import add_failed_tests, sign_tests_again
from gator.core.causes.first_error import Choice
from gator.core.causes.shown import is_last_words
from gator.core.causes.signature import VERSION, sign, signature_from
from gator.v1 import common_pb2, event_pb2, spec_pb2

_STREAMS = (common_pb2.STREAM_STDOUT, common_pb2.STREAM_STDERR)


def is_chosen_again(end: event_pb2.AttemptFinished) -> bool:
    """Returns whether this version chooses the first error of a failure again, from its output.

    It does if another version chose it by its built-in parsers, which have changed since. What parsers of the
    job, its spec or the API have chosen stays.
    """
    inputs = end.failure_inputs
    if not inputs.version:
        # Before version s1 there was no parser.
        return True
    if inputs.version == VERSION or inputs.by_gator:
        return False
    # Most readers have no failures of other versions.
    from gator.spec.keys import PARSERS

    return inputs.parser in PARSERS or (not inputs.parser and is_last_words(end.first_error))


class OutputReading:
    """Reads the stored events of one attempt, in their order."""

    def __init__(self) -> None:
        self._messages = Messages()
        self._parser = LineParser(spec_pb2.Settings(), self._messages, AttemptMetrics())
        self._assemblers = {stream: LineAssembler() for stream in _STREAMS}
        self._is_empty = True

    def take(self, event: event_pb2.Event, data: bytes = b"") -> None:
        """Adds a block with its bytes, or a message."""
        if event.HasField("log"):
            log = event.log
            if not log.line and log.logger != GATOR_LOGGER and log.severity >= common_pb2.SEVERITY_WARNING:
                self._messages.offer(reported(log), counts=True)
            return
        block = event.block
        if block.stream in self._assemblers and data:
            self._feed(block.stream, block.first_line, data)

    def _feed(self, stream: common_pb2.Stream.ValueType, first_line: int, data: bytes) -> None:
        self._is_empty = False
        lines = self._assemblers[stream].take(first_line, data)
        if lines:
            self._parser.parse(stream, first_line, lines, common_pb2.Counts())

    def choice(self, end: event_pb2.AttemptFinished) -> Choice | None:
        """Returns the message that explains the failure; None if the attempt wrote nothing.

        Where no output was stored, only the messages that the end of the attempt has are read.
        """
        if self._is_empty:
            for message in (end.first_error, *end.failure_inputs.runners_up):
                if message.text and message.stream in self._assemblers:
                    self._feed(message.stream, message.line, f"{message.text}\n".encode())
        for stream, assembler in self._assemblers.items():
            line, rest = assembler.finish()
            if rest:
                self._parser.parse(stream, line, rest, common_pb2.Counts())
        self._parser.finish()
        if not end.exit_code:
            self._messages.final = None
        return self._messages.best(common_pb2.SEVERITY_ERROR)

    def add_failed_tests(self, end: event_pb2.AttemptFinished, choice: Choice | None) -> None:
        """Adds the tests that failed to the signed end of the attempt, after its choice."""
        add_failed_tests(end, choice, self._messages.tests)


def sign_again(
    path: str, end: event_pb2.AttemptFinished, reading: OutputReading | None
) -> event_pb2.AttemptFinished:
    """Returns the end of a failed attempt at the job `path` with the signature of this version.

    `reading` has read its output; without it the inputs of its signature are used.
    """
    again = event_pb2.AttemptFinished()
    again.CopyFrom(end)
    if reading is None:
        again.signature = signature_from(end.failure_inputs)
        sign_tests_again(again, before=end.signature)
        return again
    again.ClearField("signature")
    again.ClearField("failure_inputs")
    again.ClearField("failed_tests")
    choice = reading.choice(end)
    if choice is not None:
        again.first_error.CopyFrom(choice.shown)
    sign(again, choice, path)
    reading.add_failed_tests(again, choice)
    return again
