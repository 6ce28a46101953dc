"""Which messages fail a job that returned 0, cell by cell, however its output was read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.attempt.actions import Action
from gator.v1 import common_pb2, event_pb2, spec_pb2
from tests.unit.core.attempt.machine_support import ERR, OUT, end_of, events_of, finish, left, running

API, DECISIVE, NAMED, KNOWN, PLAIN = "api", "decisive", "named", "known", "plain"
LINES = {
    DECISIVE: b"UVM_ERROR tb/sb.sv(9) @ 45: top.sb [SB] mismatch\n",
    NAMED: b"OURS: the clock stopped\n",
    KNOWN: b"fifo.c:3:5: error: 'head' undeclared\n",
    PLAIN: b"Cloning into 'c'...\n",
}
OURS = spec_pb2.Parsers(
    list=[
        spec_pb2.Parser(
            name="ours",
            entries=[
                spec_pb2.ParserEntry(
                    match=r"^OURS: (?P<message>.*)$",
                    severity=common_pb2.SEVERITY_ERROR,
                    rank=spec_pb2.PARSER_RANK_CAUSE,
                    words=["ours: "],
                )
            ],
        )
    ]
)
AUTO, ERROR, WARNING, INFO, MERGE, OPTION = (
    spec_pb2.STDERR_MODE_AUTO,
    spec_pb2.STDERR_MODE_ERROR,
    spec_pb2.STDERR_MODE_WARNING,
    spec_pb2.STDERR_MODE_INFO,
    spec_pb2.STDERR_MODE_MERGE,
    spec_pb2.STDERR_MODE_ERROR_UNLESS_PARSED,
)
A, D_OUT, D_ERR, P_OUT, P_ERR = (API, OUT), (DECISIVE, OUT), (DECISIVE, ERR), (NAMED, OUT), (NAMED, ERR)
K_OUT, K_ERR, U_OUT, U_ERR = (KNOWN, OUT), (KNOWN, ERR), (PLAIN, OUT), (PLAIN, ERR)
EVERY = [A, D_OUT, D_ERR, P_OUT, P_ERR, K_OUT, K_ERR, U_OUT, U_ERR]

# Parsers named, stderr, and the messages that count as errors.
TABLE = [
    (False, 0, [A, D_OUT, D_ERR]),
    (False, AUTO, [A, D_OUT, D_ERR]),
    (False, OPTION, [A, D_OUT, D_ERR, P_ERR, K_ERR, U_ERR]),
    (False, ERROR, [A, D_OUT, D_ERR, P_ERR, K_ERR, U_ERR]),
    (False, WARNING, [A, D_OUT]),
    (False, INFO, [A, D_OUT]),
    (False, MERGE, [A, D_OUT]),
    (True, 0, [A, D_OUT, D_ERR, P_OUT, P_ERR]),
    (True, AUTO, [A, D_OUT, D_ERR, P_OUT, P_ERR]),
    (True, OPTION, [A, D_OUT, D_ERR, P_OUT, P_ERR]),
    (True, ERROR, [A, D_OUT, P_OUT, P_ERR, U_ERR]),
    (True, WARNING, [A, D_OUT, P_OUT, P_ERR]),
    (True, INFO, [A, D_OUT, P_OUT, P_ERR]),
    (True, MERGE, [A, D_OUT, P_OUT]),
]


def ended(
    settings: spec_pb2.Settings, said: list[tuple[str, common_pb2.Stream.ValueType]], code: int = 0
) -> event_pb2.AttemptFinished:
    wrapper = running(settings)
    for kind, stream in said:
        if kind == API:
            log = event_pb2.LogEvent(severity=common_pb2.SEVERITY_ERROR, text="from the API")
            wrapper.on_client_event(5, event_pb2.Event(log=log))
        else:
            wrapper.on_output(5, stream, LINES[kind])
    return end_of(finish(wrapper, 20, left(code)))


def settings_of(mode: spec_pb2.StderrMode.ValueType, *, named: bool) -> spec_pb2.Settings:
    return spec_pb2.Settings(stderr=mode, parsers=OURS if named else None)


@pytest.mark.parametrize(("named", "mode", "counting"), TABLE)
@pytest.mark.parametrize("message", EVERY, ids=lambda message: f"{message[0]} on {message[1]}")
def test_a_message_counts_as_the_table_says(
    message: tuple[str, common_pb2.Stream.ValueType],
    named: bool,
    mode: spec_pb2.StderrMode.ValueType,
    counting: list[tuple[str, common_pb2.Stream.ValueType]],
) -> None:
    if mode == MERGE and message[1] == ERR:
        pytest.skip("there is no such stream")
    end = ended(settings_of(mode, named=named), [message])
    assert end.counted.error == (message in counting)
    assert end.outcome == (common_pb2.OUTCOME_FAILED if message in counting else common_pb2.OUTCOME_PASSED)


@pytest.mark.parametrize("named", [False, True])
def test_lines_that_are_warnings_by_the_spec_count_as_warnings(named: bool) -> None:
    end = ended(settings_of(WARNING, named=named), [K_ERR, U_ERR])
    assert (end.counts.warning, end.counts.error) == (2, 0)
    assert end.counted.warning == (1 if named else 2)


def test_what_was_recognised_and_what_counted_are_two_numbers() -> None:
    end = ended(settings_of(AUTO, named=False), [K_ERR, U_ERR, D_OUT])
    assert (end.counts.info, end.counts.error, end.counted.error) == (1, 2, 1)


def test_a_limit_never_changes_what_a_line_is() -> None:
    settings = settings_of(AUTO, named=True)
    settings.limits.error = -1
    end = ended(settings, [P_OUT, P_ERR, D_OUT])
    assert end.outcome == common_pb2.OUTCOME_PASSED
    assert (end.counts.error, end.counted.error) == (3, 3)


def test_critical_messages_have_a_limit_of_their_own() -> None:
    settings = settings_of(AUTO, named=False)
    settings.limits.error = -1
    wrapper = running(settings)
    wrapper.on_output(5, OUT, b"UVM_FATAL tb/sb.sv(9) @ 45: top.sb [SB] no clock\n")
    assert end_of(finish(wrapper, 20)).reason == common_pb2.REASON_LIMIT


# -- the first error


def test_what_counted_comes_before_what_was_only_recognised() -> None:
    end = ended(settings_of(AUTO, named=True), [K_ERR, P_OUT], code=1)
    assert end.first_error.text == "OURS: the clock stopped"


def test_without_any_recognised_message_the_last_words_explain_a_failure() -> None:
    wrapper = running()
    wrapper.on_output(5, OUT, b"done\n")
    wrapper.on_output(5, ERR, b"starting\n\nqueue empty at depth 3\n\n")
    end = end_of(finish(wrapper, 20, left(1)))
    assert end.first_error.text == "starting\nqueue empty at depth 3"
    assert (end.first_error.stream, end.first_error.line) == (ERR, 3)


def test_commands_that_were_carried_out_are_not_the_last_words() -> None:
    wrapper = running()
    wrapper.on_output(
        5, OUT, b"linking\n::gator progress value=4 total=4::step 4\n::gator metric name=x value=1\n"
    )
    end = end_of(finish(wrapper, 20, left(1)))
    assert (end.first_error.text, end.first_error.line) == ("linking", 1)


def test_a_parallel_build_has_one_signature_whatever_file_fails_first() -> None:
    errors = [b"b.c:3:5: error: no x\n", b"a.c:9:5: error: no y\n"]
    ends: list[event_pb2.AttemptFinished] = []
    for order in (errors, errors[::-1]):
        wrapper = running()
        wrapper.on_output(5, ERR, b"".join(order))
        ends.append(end_of(finish(wrapper, 20, left(2))))
    assert ends[0].signature == ends[1].signature
    assert [end.first_error.file for end in ends] == ["b.c", "a.c"]


# -- whatever the way it was read


@pytest.mark.parametrize("name", ["auto", "gcc"])
def test_a_parser_with_the_name_of_a_built_in_one_lets_only_its_own_entries_count(name: str) -> None:
    entry = spec_pb2.ParserEntry(match="^OURS: ", severity=common_pb2.SEVERITY_ERROR)
    parser = spec_pb2.Parser(name=name, entries=[entry])
    settings = spec_pb2.Settings(parsers=spec_pb2.Parsers(list=[parser]))
    wrapper = running(settings)
    wrapper.on_output(0, OUT, b"x.c:1:2: error: no such thing\nOURS: bad\n")
    assert end_of(finish(wrapper, 10)).counted.error == 1


STREAMS = (OUT, ERR)
TEXTS = st.lists(
    st.sampled_from(
        [
            *LINES.values(),
            b"\n",
            b"Traceback (most recent call last):\n",
            b'  File "x.py", line 3, in f\n',
            b"KeyError: 'x'\n",
            b"During handling of the above exception, another exception occurred:\n",
            b"make: *** [Makefile:2: all] Error 1\n",
            b"  10%\r 100%\n",
            b"UVM_ERROR :    2\n",
            b"  \t\n",
            b"\x1b[\n",
            b"\x1b[0m\n",
        ]
    ),
    max_size=12,
)


def outcome_of(
    reads: list[tuple[common_pb2.Stream.ValueType, bytes]], settings: spec_pb2.Settings
) -> tuple[event_pb2.AttemptFinished, list[event_pb2.LogEvent]]:
    wrapper = running(settings)
    actions: list[Action] = []
    for number, (stream, data) in enumerate(reads):
        # The pauses close blocks.
        actions += wrapper.on_time(number * 100_000_000)
        actions += wrapper.on_output(number * 100_000_000, stream, data)
    actions += finish(wrapper, 10**12, left(1))
    end = event_pb2.AttemptFinished()
    end.CopyFrom(end_of(actions))
    for field in ("usage", "ended_unix_nanos", "longest_silence_nanos"):
        end.ClearField(field)
    logs = [event.log for event in events_of(actions) if event.WhichOneof("payload") == "log"]
    return end, sorted(logs, key=lambda log: (log.stream, log.line))


@given(
    data=st.data(),
    out=TEXTS,
    err=TEXTS,
    mode=st.sampled_from([AUTO, ERROR, WARNING]),
    named=st.booleans(),
    pointed=st.booleans(),
    pattern=st.sampled_from(["^ours: ", ".*", "^$", r"^\s*$"]),
)
def test_how_the_output_was_cut_and_interleaved_makes_no_difference(
    data: st.DataObject,
    out: list[bytes],
    err: list[bytes],
    mode: spec_pb2.StderrMode.ValueType,
    named: bool,
    pointed: bool,
    pattern: str,
) -> None:
    settings = spec_pb2.Settings()
    settings.CopyFrom(settings_of(mode, named=named))
    if named:
        settings.parsers.list.add(name="spec").entries.add(match=pattern, severity=common_pb2.SEVERITY_ERROR)
    if pointed:
        settings.first_error.match = "[a-z]: "
    left_over = {OUT: b"".join(out), ERR: b"".join(err)}
    whole = outcome_of([(stream, text) for stream, text in left_over.items() if text], settings)
    reads: list[tuple[common_pb2.Stream.ValueType, bytes]] = []
    while any(left_over.values()):
        stream = data.draw(st.sampled_from([stream for stream in STREAMS if left_over[stream]]))
        size = data.draw(st.integers(1, len(left_over[stream])))
        reads.append((stream, left_over[stream][:size]))
        left_over[stream] = left_over[stream][size:]
    assert outcome_of(reads, settings) == whole
