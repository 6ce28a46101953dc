"""Decides for each line of output its severity, whether it counts, and whether it explains a failure."""

from collections import Counter
from collections.abc import Mapping, Sequence

from gator.core.attempt.commands import PARSER, BlockCommands, CommandReader, OutputPayload
from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.last_words import MAX_BACK, TAIL_BYTES, last_words
from gator.core.attempt.output.pointed import PointedError
from gator.core.attempt.output.recognised import error_message, log_event
from gator.core.attempt.output.stream_rules import StreamRule, stream_rules
from gator.core.attempt.output.tap import TAP, TapStream, missing_tests
from gator.core.attempt.quota import Quota
from gator.core.attempt.severity import NAMES, Messages
from gator.core.causes.first_error import LINE, Candidate, Key, key_of, location_of
from gator.core.text import clean, cut, without_nul
from gator.parsers import MAX_TEXT, Recognised, StreamParser, rules_of
from gator.v1 import common_pb2, event_pb2, spec_pb2


class LineParser:
    """Recognises the messages in the output of one attempt."""

    __slots__ = (
        "_all",
        "_commands",
        "_counted_parsers",
        "_finals",
        "_has_named",
        "_messages",
        "_metrics",
        "_named",
        "_pointed",
        "_quota",
        "_rules",
        "_streams",
        "_summaries",
        "_tails",
        "_tap",
    )

    def __init__(self, settings: spec_pb2.Settings, messages: Messages, metrics: AttemptMetrics) -> None:
        parsers = settings.parsers.list
        rules = rules_of(parsers)
        self._rules = stream_rules(settings)
        self._all = rules
        self._named = frozenset(parser.name for parser in parsers if not parser.entries)
        self._has_named = bool(parsers)
        self._streams = {stream: StreamParser(rules) for stream in self._rules}
        self._messages, self._metrics = messages, metrics
        self._commands = CommandReader(
            messages, metrics, is_on=settings.commands or not settings.HasField("commands")
        )
        self._finals: dict[common_pb2.Stream.ValueType, tuple[int, event_pb2.ErrorMessage]] = {}
        """The last message that ended a program, with the number of its last line, by stream."""
        self._quota = Quota()
        pattern = settings.first_error.match
        self._pointed = PointedError(pattern, self._rules) if pattern else None
        self._counted_parsers: set[str] = set()
        """Parsers with a message that counted."""
        self._summaries: dict[tuple[common_pb2.Stream.ValueType, str], Recognised] = {}
        """The first summary that may count, by stream and entry."""
        self._tails = dict.fromkeys(self._rules, b"")
        self._tap = {stream: TapStream() for stream in self._rules}

    def parse(
        self, stream: common_pb2.Stream.ValueType, first_line: int, data: bytes, counts: common_pb2.Counts
    ) -> list[OutputPayload]:
        """Returns what to record; corrects `counts`, in which all lines have one severity."""
        commands = self._commands.take(stream, first_line, data)
        payloads = self._take_commands(stream, commands, counts) if commands is not None else []
        if self._pointed is not None:
            self._pointed.search(stream, first_line, data)
        if commands is not None:
            # BlockCommands that were carried out are not the last words of the job.
            data = commands.data
        parser = self._streams[stream]
        recognised = parser.feed(first_line, data)
        if not parser.is_plain:
            self._read_tap(stream, data)
        tail = self._tails[stream]
        self._tails[stream] = data[-TAIL_BYTES:] if len(data) >= TAIL_BYTES else (tail + data)[-TAIL_BYTES:]
        if recognised:
            payloads += self._take(stream, recognised, counts)
        return payloads

    def _read_tap(self, stream: common_pb2.Stream.ValueType, data: bytes) -> None:
        """Counts failed tests as soon as the stream proves to be TAP."""
        tap = self._tap[stream]
        tap.feed(data)
        if tap.waiting and tap.is_tap:
            for message in tap.waiting:
                self._messages.move(message.severity, message.severity, 1, counted=False, counts=True)
                self._counted_parsers.add(message.entry.parser)
                self._offer(stream, message, message.severity, counts=True)
            tap.waiting.clear()

    @property
    def artefacts(self) -> event_pb2.Artefacts | None:
        """The artefacts that commands have announced; None if there are none."""
        return self._commands.artefacts

    @property
    def invalid_commands(self) -> int:
        """Number of lines that look like commands but are not valid."""
        return self._commands.invalid

    def _take_commands(
        self, stream: common_pb2.Stream.ValueType, commands: BlockCommands, counts: common_pb2.Counts
    ) -> list[OutputPayload]:
        """Counts the lines that are commands; returns what to record."""
        rule = self._rules[stream]
        self._move(rule, Counter(commands.severities), counts)
        if rule.severity == common_pb2.SEVERITY_INFO:
            return commands.payloads
        return commands.payloads + [
            event_pb2.LogEvent(
                severity=common_pb2.SEVERITY_INFO,
                text=without_nul(text),
                stream=stream,
                line=number,
                parser=PARSER,
            )
            for number, text in commands.lines
        ]

    def finish(self) -> list[OutputPayload]:
        """Returns the messages that were open at the end of the output, and keeps what explains a failure."""
        logs = self._take_open()
        self._count_summaries()
        if not self._messages.is_settled:
            self._keep_explanations()
        return logs

    def settle(self, partial: Mapping[common_pb2.Stream.ValueType, bytes]) -> list[OutputPayload]:
        """Returns the messages that are open, and stops later output from explaining a failure.

        `partial` has the lines that are not complete yet, by stream.
        """
        logs = self._take_open()
        for stream, data in partial.items():
            self._tails[stream] = (self._tails[stream] + data)[-TAIL_BYTES:]
            self._streams[stream].last_line += 1
        self._keep_explanations()
        self._messages.is_settled = True
        for stream in partial:
            self._streams[stream].last_line -= 1
        return logs

    def _take_open(self) -> list[OutputPayload]:
        logs: list[OutputPayload] = []
        for stream, parser in self._streams.items():
            logs += self._take(stream, parser.finish(), common_pb2.Counts())
            rule = self._rules[stream]
            if rule.counts and parser.first_plain:
                self._messages.offer(self._plain_line(stream, rule, parser), counts=True)
        return logs

    def _keep_explanations(self) -> None:
        """Records what explains a failure if no message does."""
        if self._pointed is not None:
            self._messages.pointed = self._pointed.message()
        self._messages.final = self._final()
        self._messages.last_words = self.last_words()
        if self._messages.is_best_logged():
            # Any line that sounds like an error is one of the parser `generic`.
            self._messages.after_logged = self._last_words(
                common_pb2.STREAM_STDERR, plain=True, allowed="generic"
            )
        only = self._messages.only_consequence()
        if only is not None and only.stream in self._tails:
            self._messages.before_consequence = self._words_before(only)

    def _final(self) -> event_pb2.ErrorMessage | None:
        """Returns the exception near the end of a stream, which ended a program; None if there is none.

        Those before it were printed by a program that went on.
        """
        for stream in self._by_preference():
            if stream in self._finals:
                last, message = self._finals[stream]
                return message if self._streams[stream].last_line - last <= MAX_BACK else None
        return None

    def _words_before(self, consequence: event_pb2.ErrorMessage) -> event_pb2.ErrorMessage | None:
        """Returns the last plain lines before a message that is only a consequence, of its stream if any.

        A test that prints a difference to stdout ends with `make: ***` on stderr. If make went on with other
        targets, the last lines of stdout may be theirs.
        """
        words = self._last_words(consequence.stream, plain=True)
        if words is not None:
            return words
        if any(text in self._tails[consequence.stream] for text in _WENT_ON):
            return None
        for other in self._by_preference():
            words = self._last_words(other, plain=True) if other != consequence.stream else None
            if words is not None:
                words.text = cut(f"{words.text}\n{consequence.text}", MAX_TEXT)
                return words
        return None

    def _by_preference(self) -> list[common_pb2.Stream.ValueType]:
        """Returns the streams in the order in which they explain a failure: stderr, stdout, files."""
        return sorted(self._tails, key=lambda stream: key_of(0, stream, 0))

    def last_words(self) -> event_pb2.ErrorMessage | None:
        """Returns the last whole lines so far, of stderr if there are any; None without output."""
        for stream in self._by_preference():
            words = self._last_words(stream)
            if words is not None:
                return words
        return None

    def _last_words(
        self, stream: common_pb2.Stream.ValueType, *, plain: bool = False, allowed: str = ""
    ) -> event_pb2.ErrorMessage | None:
        """Returns the last lines of a stream; with `plain` those that no parser but `allowed` recognises."""
        rules = self._all if plain else None
        return last_words(stream, self._tails[stream], self._streams[stream].last_line, rules, allowed)

    def _plain_line(
        self, stream: common_pb2.Stream.ValueType, rule: StreamRule, parser: StreamParser
    ) -> Candidate:
        number, data = parser.first_plain
        text = cut(clean(data))
        return Candidate.of(
            LINE, event_pb2.ErrorMessage(severity=rule.severity, text=text, stream=stream, line=number)
        )

    def _take(
        self,
        stream: common_pb2.Stream.ValueType,
        messages: Sequence[Recognised],
        counts: common_pb2.Counts,
    ) -> list[OutputPayload]:
        """Counts messages, and offers them as explanations. Returns what to record; corrects `counts`."""
        logs: list[OutputPayload] = []
        rule = self._rules[stream]
        moves: Counter[tuple[common_pb2.Severity.ValueType, bool]] = Counter()
        for message in messages:
            severity = message.severity
            if message.entry.metric:
                if (metric := self._summary(stream, message)) is not None:
                    logs.append(metric)
            elif rule.is_explicit and not self._is_named(message):
                # The line keeps the severity of the stream.
                does_count = rule.counts_recognised
                moves[rule.severity, does_count] += 1
                self._offer(stream, message, rule.severity if does_count else severity, counts=does_count)
            elif severity < _WARNING:
                moves[severity, False] += 1
            else:
                does_count = self._does_count(stream, message)
                moves[severity, does_count] += 1
                if does_count:
                    self._counted_parsers.add(message.entry.parser)
                self._offer(stream, message, severity, counts=does_count)
                if self._quota.admits(severity):
                    logs.append(log_event(stream, message, severity))
        self._move(rule, moves, counts)
        return logs

    def _move(
        self,
        rule: StreamRule,
        moves: Mapping[tuple[common_pb2.Severity.ValueType, bool], int],
        counts: common_pb2.Counts,
    ) -> None:
        """Moves lines to the severities that they proved to have, and sets whether they count."""
        for (severity, does_count), number in moves.items():
            self._messages.move(rule.severity, severity, number, counted=rule.counts, counts=does_count)
            _move(counts, rule.severity, severity, number)

    def _offer(
        self,
        stream: common_pb2.Stream.ValueType,
        message: Recognised,
        severity: common_pb2.Severity.ValueType,
        *,
        counts: bool,
    ) -> None:
        """Offers a message as an explanation of a failure."""
        if severity < _WARNING:
            return
        if message.is_final and not message.is_consequence:
            self._finals[stream] = message.last_line, error_message(stream, message, severity)
        key = key_of(message.rank, stream, message.key_line)
        if message.entry.test and (counts or not message.entry.decisive):
            self._keep_test(stream, message, severity, key)
        location = location_of(message.file, message.file_line) if message.file else None
        if self._messages.wants(severity, key, location, counts=counts):
            explanation = error_message(stream, message, severity)
            candidate = Candidate(
                key, location, explanation, bool(message.entry.final), is_logged=message.is_logged
            )
            self._messages.offer(candidate, counts=counts)

    def _keep_test(
        self,
        stream: common_pb2.Stream.ValueType,
        message: Recognised,
        severity: common_pb2.Severity.ValueType,
        key: Key,
    ) -> None:
        """Records the message about a failed test as a separate cause."""
        tests, name = self._messages.tests, without_nul(message.item)
        is_failure = name and severity > _WARNING and not self._messages.is_settled
        if is_failure and tests.wants(name, key):
            tests.add(key, error_message(stream, message, severity))

    def _summary(self, stream: common_pb2.Stream.ValueType, message: Recognised) -> event_pb2.Metric | None:
        """Returns the metric of a summary to record, and keeps summaries that may count."""
        try:
            value = float(message.value)
        except ValueError:
            # The pattern of a user may match another text than a number.
            return None
        if value and self._does_count(stream, message):
            self._summaries.setdefault((stream, message.entry.match), message)
        return self._metrics.add(
            event_pb2.Metric(name=message.entry.metric, value=value, kind=event_pb2.METRIC_KIND_SUM)
        )

    def _does_count(self, stream: common_pb2.Stream.ValueType, message: Recognised) -> bool:
        if self._has_named and self._is_named(message):
            return True
        is_decisive = message.entry.decisive and not self._rules[stream].is_explicit
        return is_decisive and self._tap[stream].confirms(message)

    def _is_named(self, message: Recognised) -> bool:
        entry = message.entry
        return self._all.is_own(entry) or entry.parser in self._named or "auto" in self._named

    def _count_summaries(self) -> None:
        """Counts the summaries of tools that wrote their messages elsewhere, as one message each."""
        for (stream, _), message in self._summaries.items():
            if message.entry.parser not in self._counted_parsers:
                self._messages.add(message.severity, counts=True)
                self._offer(stream, message, message.severity, counts=True)
        for stream, tap in self._tap.items():
            if (
                (text := tap.missing)
                and not self._rules[stream].is_explicit
                and TAP not in self._counted_parsers
            ):
                self._messages.add(common_pb2.SEVERITY_ERROR, counts=True)
                self._messages.offer(missing_tests(stream, text), counts=True)


_WARNING = common_pb2.SEVERITY_WARNING
_WENT_ON = (b"not remade because of errors.", b"*** Waiting for unfinished jobs...")
"""Lines of make that say that other targets were made after one that failed."""


def _move(
    counts: common_pb2.Counts,
    before: common_pb2.Severity.ValueType,
    after: common_pb2.Severity.ValueType,
    number: int,
) -> None:
    """Changes the severity of lines in the counts of their block, in which they may not have begun."""
    if before != after:
        moved = min(number, getattr(counts, NAMES[before]))
        setattr(counts, NAMES[before], getattr(counts, NAMES[before]) - moved)
        setattr(counts, NAMES[after], getattr(counts, NAMES[after]) + number)
