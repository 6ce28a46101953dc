"""Maps each stream of an attempt to the meaning of its lines, by the key `stderr`.

Messages of the API and of parsers that the job names always count. Decisive messages of the automatic parser
count on stdout. Everything else on stderr depends on the key `stderr`:

    stderr   decisive messages of    lines that no      severity of lines that
             the automatic parser    parser recognises  no parser recognises
    auto     count                   do not count       INFO
    error    count as any line does  count              ERROR
    warning  count as any line does  count              WARNING
    info     do not count            do not count       INFO
    merge    all lines are on stdout

With `error` and `warning`, lines that only the automatic parser recognises count like other lines if the job
names no parsers; if it does, they do not count. With `auto`, they have the severity of the parser.
"""

from msgspec import Struct

from gator.v1 import common_pb2, spec_pb2

_SEVERITIES = {
    spec_pb2.STDERR_MODE_INFO: common_pb2.SEVERITY_INFO,
    spec_pb2.STDERR_MODE_WARNING: common_pb2.SEVERITY_WARNING,
    spec_pb2.STDERR_MODE_ERROR: common_pb2.SEVERITY_ERROR,
}


class StreamRule(Struct, frozen=True):
    """The severity of the lines of one stream, and whether they count."""

    severity: common_pb2.Severity.ValueType = common_pb2.SEVERITY_INFO
    """Severity of a line that no parser recognises."""
    is_explicit: bool = False
    """Whether all lines have this severity but those of named parsers."""
    counts: bool = False
    """Whether these lines count."""
    counts_recognised: bool = False
    """Whether lines that only the automatic parser recognises count as well."""
    filter_severity: common_pb2.Severity.ValueType = common_pb2.SEVERITY_UNSPECIFIED
    """The severity by which filters select the blocks, if it is not that of the lines."""


def stream_rules(settings: spec_pb2.Settings) -> dict[common_pb2.Stream.ValueType, StreamRule]:
    """Returns the streams to read and what their lines mean; no stderr if it is merged into stdout."""
    rules = {common_pb2.STREAM_STDOUT: StreamRule()}
    if settings.stderr != spec_pb2.STDERR_MODE_MERGE:
        rules[common_pb2.STREAM_STDERR] = _stderr_rule(settings)
    for index in range(len(settings.also_log.files)):
        rules[log_stream(index)] = StreamRule()
    return rules


def log_stream(index: int) -> common_pb2.Stream.ValueType:
    """Returns the stream of a file of `also_log`, by its place there from 0."""
    return common_pb2.Stream.ValueType(common_pb2.STREAM_LOG1 + index)


def _stderr_rule(settings: spec_pb2.Settings) -> StreamRule:
    mode, has_parsers = settings.stderr, bool(settings.parsers.list)
    if mode == spec_pb2.STDERR_MODE_ERROR_UNLESS_PARSED:
        mode = spec_pb2.STDERR_MODE_AUTO if has_parsers else spec_pb2.STDERR_MODE_ERROR
    severity = _SEVERITIES.get(mode)
    if severity is None:
        return StreamRule(filter_severity=common_pb2.SEVERITY_WARNING)
    counts = severity != common_pb2.SEVERITY_INFO
    return StreamRule(severity, is_explicit=True, counts=counts, counts_recognised=counts and not has_parsers)
