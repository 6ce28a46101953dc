"""Makes the AttemptFinished of an attempt from its facts, output and usage."""

from collections.abc import Sequence

from msgspec import Struct

from gator.core.attempt.artefacts import merged
from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.output import Output
from gator.core.attempt.results.verdict import AttemptFacts, Verdict, explanation
from gator.core.causes.failed_tests import add_failed_tests
from gator.core.causes.signature import sign
from gator.v1 import common_pb2, event_pb2


class Times(Struct):
    """Monotonic times of an attempt in nanoseconds; 0 before it starts."""

    started: int = 0
    ended: int = 0
    """When its leader ended; initially the start."""
    last_read: int = 0
    """When output was last read; initially the start."""
    silence: int = 0
    """Longest time between two reads so far."""

    def start(self, now: int) -> None:
        """Sets the start."""
        self.started = self.ended = self.last_read = now

    def read(self, now: int) -> None:
        """Records output."""
        if now - self.last_read > self.silence:
            self.silence = now - self.last_read
        self.last_read = now


def conclude(
    path: str,
    facts: AttemptFacts,
    verdict: Verdict,
    times: Times,
    usage: event_pb2.Usage,
    metrics: AttemptMetrics,
    output: Output,
    kept: Sequence[event_pb2.Artefact] = (),
) -> event_pb2.AttemptFinished:
    """Returns the end of an attempt at the job `path`, with verdict and signature but without the time."""
    messages = facts.messages
    choice = explanation(verdict, facts)
    finished = event_pb2.AttemptFinished(
        outcome=verdict.outcome,
        reason=verdict.reason,
        message=verdict.message,
        exit_code=facts.exit_code,
        signal=facts.signal,
        usage=usage,
        counts=messages.counts(),
        counted=messages.counts_for_limits(),
        first_error=choice.shown if choice is not None else None,
        metrics=metrics.totals(),
        stdout_lines=output.lines(common_pb2.STREAM_STDOUT),
        stderr_lines=output.lines(common_pb2.STREAM_STDERR),
        log_files=output.log_files,
        dropped_bytes=output.dropped,
        artefacts=merged(output.artefacts, kept),
        contracts=facts.expectations.contracts if facts.expectations is not None else None,
        invalid_commands=output.invalid_commands,
        longest_silence_nanos=max(times.silence, times.ended - times.last_read),
    )
    sign(finished, choice, path)
    add_failed_tests(finished, choice, messages.tests)
    return finished
