"""What failures have in common: chance makes no difference to a signature, words do."""

import itertools
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.attempt.signature import DIGITS, VERSION, normalised, sign, signature_from, signature_of
from gator.core.tree.results import complete, lost, result_of_end
from gator.v1 import common_pb2 as pb
from gator.v1 import event_pb2

LENGTH = len(VERSION) + 1 + DIGITS

# -- messages as tools write them: those of one list have one cause, those of two lists have two

CAUSES = [
    [
        "/home/ann/chip/src/fifo.c:12:5: error: expected ';' before 'return'",
        "../src/fifo.c:14:17: error: expected ';' before 'break'",
        "\x1b[1mfifo.c:9:1:\x1b[0m \x1b[31merror:\x1b[0m expected ‘;’ before ‘}’",
    ],
    ["/home/ann/chip/src/arbiter.c:12:5: error: expected ';' before 'return'"],
    ["src/fifo.c:12:5: error: expected ')' before 'return' and then something else"],
    [
        "fifo.c:(.text+0x1f): undefined reference to `start'",
        "fifo.c:(.text+0xa8): undefined reference to `stop'",
    ],
    ["E   AssertionError: assert 1 == 2", "E       AssertionError: assert 41.5 == -7e-3"],
    ["E   assert 3 in [1, 2]", "E   assert 17 in [4, 5, 6, 7]"],
    ["KeyError: 'alpha'", 'KeyError: "beta"', "KeyError: ''"],
    [
        "FileNotFoundError: [Errno 2] No such file or directory: '/tmp/tmpa8f_x/out.log'",
        "FileNotFoundError: [Errno 2] No such file or directory: 'out.log'",
    ],
    ["PermissionError: [Errno 13] Permission denied: '/etc/shadow'"],
    ["OSError: [Errno 5] Input/output error"],
    [
        "UVM_ERROR /chip/tb/sb.sv(123) @ 4500: uvm_test_top.env.sb [SB] mismatch exp=1f act=2e",
        "UVM_ERROR ../tb/sb.sv(99) @ 17000.5ns: uvm_test_top.env.sb [SB] mismatch exp=ff act=0",
        "UVM_ERROR tb/sb.sv(99) @ 3 us: uvm_test_top.env.sb [SB] mismatch exp=0xdead act=32'hxx",
    ],
    ["UVM_ERROR /chip/tb/sb.sv(123) @ 4500: uvm_test_top.env.sb [SB] queue is not empty at the end"],
    ["UVM_FATAL /chip/tb/sb.sv(123) @ 4500: uvm_test_top.env.sb [SB] mismatch exp=1f act=2e"],
    [
        "UVM_ERROR @ 12,500 ns: reporter [TEST] expected 32'hdead_beef but got 'h1f",
        "UVM_ERROR @ 1 ms: reporter [TEST] expected 8'b0101_xxxx but got 4'd3",
    ],
    [
        "xmelab: *E,CUVMUR (./tb/top.sv,12|3): instance 'top.u0' of design unit 'fifo' is unresolved",
        "xmelab: *E,CUVMUR (/x/tb/top.sv,120|13): instance 'top.u1' of design unit 'ram' is unresolved",
    ],
    ["xmvlog: *E,EXPSMC (top.sv,12|5): expecting a semicolon (';') [9.8(IEEE)]."],
    [
        '** Error: (vlog-13069) /a/file.sv(12): near "foo": syntax error, unexpected IDENTIFIER.',
        '** Error: (vlog-13069) file.sv(7): near "bar": syntax error, unexpected IDENTIFIER.',
    ],
    ["%Error: t/top.v:3:7: Cannot find file containing module: 'fifo'"],
    [
        "bash: line 1: 12345 Segmentation fault      (core dumped) ./sim +seed=3",
        "bash: line 12: 6 Segmentation fault ../build/sim +seed=0xabc",
    ],
    ["make: *** [Makefile:12: all] Error 2", "make: *** [Makefile:9: all] Error 127"],
    ["make: *** No rule to make target 'a.o', needed by 'all'.  Stop."],
    [
        "==123==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000014 at pc 0x55 bp 0x7ffe",
        "==98765==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60 at pc 0x5581aaff bp 0x1",
    ],
    ["==123==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000014 at pc 0x55 bp 0x7ffe"],
    [
        "thread 'main' panicked at src/main.rs:4:5:",
        "thread 'worker-7' panicked at /build/x/src/main.rs:104:15:",
    ],
    ["error[E0308]: mismatched types"],
    ["error: could not compile `fifo` (lib) due to 1 previous error; 2 warnings emitted"],
    [
        'Exception in thread "main" java.lang.NullPointerException: Cannot invoke "String.length()"',
        'Exception in thread "pool-1-thread-2" java.lang.NullPointerException: Cannot invoke "Foo.bar()"',
    ],
    ['Exception in thread "main" java.lang.IllegalStateException: com.foo.Bar@1b6d3586 is closed'],
    [
        "[2026-11-22 12:58:30,123] ERROR in app: the licence server does not answer after 1m30s",
        "2026-11-22T12:58:30.5Z ERROR in app: the licence server does not answer after 350 ms".replace(
            "2026-11-22T12:58:30.5Z", "[2026-11-22T12:58:30.5Z]"
        ),
        "[Sun Nov 22 12:58:30 2026] ERROR in app: the licence server does not answer after 2 hours",
        "[22-Nov-2026 1:58 PM] ERROR in app: the licence server does not answer after 5s",
    ],
    ["5 errors generated.", "1 error generated."],
    ["panic: runtime error: index out of range [5] with length 3"],
    ["fatal: bad object 9fceb02d0ae598e95dc970b74767f19372d61af8", "fatal: bad object deadbeefcafe"],
    [
        "request 123e4567-e89b-12d3-a456-426614174000 to http://node17:8080/a?b=c failed",
        "request 00000000-e89b-12d3-a456-426614174fff to https://other/ failed",
    ],
    ["cannot open c:\\users\\ann\\x.txt", "cannot open /home/ann/x.txt", "cannot open ./y/z.bin"],
    ["read/write error on the bus"],
]


def of_error(text: str) -> str:
    return signature_of(pb.REASON_LIMIT, text, "1 error where 0 are allowed")


@pytest.mark.parametrize("texts", CAUSES, ids=lambda texts: texts[0][:40])
def test_one_cause_has_one_signature(texts: list[str]) -> None:
    assert {normalised(text) for text in texts} == {normalised(texts[0])}
    assert len({of_error(text) for text in texts}) == 1


def test_two_causes_have_two_signatures() -> None:
    for one, other in itertools.combinations([normalised(texts[0]) for texts in CAUSES], 2):
        assert one != other
    assert len({of_error(texts[0]) for texts in CAUSES}) == len(CAUSES)


def test_signatures_are_the_same_for_ever() -> None:
    # Histories of years are compared by them: never change these.
    assert of_error("tb/sb.sv(99) @ 4500: [SB] mismatch exp=1f act='x'") == "s0-cd025c9c7fca46a4"
    assert signature_of(pb.REASON_EXIT, "", "exited with code 3") == "s0-ef7ffa2eb39f4ce2"
    assert signature_of(pb.REASON_RUN_DIED, "", "the run died before this ended") == "s0-c909afef478797f5"


# -- by properties

WORDS = st.text(string.ascii_lowercase[6:], min_size=4, max_size=9).filter(
    # A noun after a number has no plural, and some words are short names of times.
    lambda word: not word.endswith("s") and word not in ("hour", "kgib")
)
NUMBERS = st.one_of(
    st.integers().map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.integers(min_value=0).map(hex),
    st.integers(min_value=0, max_value=10**12).map("{:,}".format),
    st.integers(min_value=0).map("32'h{:x}".format),
)
NAMES = st.builds(
    "{0}{1}{0}".format,
    st.sampled_from("'\"`"),
    st.text(string.ascii_letters + "_.-()[]<>", min_size=1, max_size=40),
)
FOLDERS = st.lists(st.text(string.ascii_letters + string.digits + "._-", min_size=1), min_size=1, max_size=6)
PATHS = st.builds("{}/{}".format, st.sampled_from(["", ".", "..", "~", "a_1"]), FOLDERS.map("/".join))
TIMES = st.datetimes().map(lambda at: at.isoformat(sep="T")) | st.datetimes().map(str)
SPANS = st.builds(
    "{}{}{}".format,
    st.integers(min_value=0, max_value=10**6),
    st.sampled_from(["", " "]),
    st.sampled_from(["ns", "us", "µs", "ms", "s", "seconds", "min", "hours", "h", "MB", "GiB", "bytes"]),
)
CHANCE = {"number": NUMBERS, "name": NAMES, "path": PATHS, "time": TIMES, "span": SPANS}
SHAPES = st.lists(st.sampled_from([*CHANCE, "word"]), min_size=1, max_size=8)


@given(data=st.data(), shape=SHAPES)
def test_the_same_words_with_other_numbers_paths_names_and_times_have_the_same_signature(
    data: st.DataObject, shape: list[str]
) -> None:
    words = [data.draw(WORDS) for _ in range(len(shape) + 1)]

    def said() -> str:
        parts = [data.draw(CHANCE[kind]) if kind in CHANCE else "still" for kind in shape]
        return " ".join(itertools.chain.from_iterable(zip(words, parts, strict=False)))

    assert of_error(said()) == of_error(said())


@given(one=st.lists(WORDS, min_size=1, max_size=10), other=st.lists(WORDS, min_size=1, max_size=10))
def test_other_words_have_another_signature(one: list[str], other: list[str]) -> None:
    assert (of_error(" ".join(one)) == of_error(" ".join(other))) == (one == other)


@given(text=st.text(st.characters(), max_size=1000), message=st.text(max_size=200))
def test_any_text_has_a_signature(text: str, message: str) -> None:
    found = signature_of(pb.REASON_EXIT, text, message)
    assert len(found) == LENGTH
    assert set(found.removeprefix("s0-")) <= set(string.hexdigits.lower())


@pytest.mark.parametrize(
    "piece",
    ["-", "a/", "'", "1", "# ", "'a ", "a.b-", "=a", "/", "1:2", "\ud800", "[1]", "x\x1b[", "<path>:"],
)
def test_long_texts_cost_little(piece: str) -> None:
    # Without a bound on what is tried again, some of these would take minutes.
    assert len(of_error((piece * 1000)[:1000])) == LENGTH


def test_where_a_text_was_cut_makes_no_difference() -> None:
    cut = [(f"address 0x{number:x} " + "broken " * 200)[:999] + "…" for number in (1, 2**60)]
    assert of_error(cut[0]) == of_error(cut[1])
    few = ["bytes" + f" {number}" * 500 for number in (7, 100)]
    assert of_error(few[0][:999] + "…") == of_error(few[1][:999] + "…")


# -- what it is made of


def test_the_reason_counts() -> None:
    assert signature_of(pb.REASON_EXIT, "boom", "x") != signature_of(pb.REASON_LIMIT, "boom", "x")


def test_the_sentence_counts_only_where_there_is_no_first_error() -> None:
    assert signature_of(pb.REASON_EXIT, "boom", "x") == signature_of(pb.REASON_EXIT, "boom", "y")
    assert signature_of(pb.REASON_EXIT, "", "x") != signature_of(pb.REASON_EXIT, "", "y")


def test_of_what_ended_in_silence_the_status_counts_and_other_numbers_do_not() -> None:
    def ended(message: str) -> str:
        return signature_of(pb.REASON_EXIT, "", message)

    assert ended("exited with code 3") != ended("exited with code 4")
    assert ended("killed by signal 6 (SIGABRT)") != ended("killed by signal 11 (SIGSEGV)")
    assert ended("ran longer than its timeout of 5s") == ended("ran longer than its timeout of 1m30s")
    assert ended("used 2.1 GB of memory where 2 GB are allowed") == ended(
        "used 999 MB of memory where 1 MB are allowed"
    )


def test_what_a_job_said_is_not_to_blame_for_its_loss() -> None:
    assert signature_of(pb.REASON_LOST, "boom", "the daemon w1 died") == signature_of(
        pb.REASON_LOST, "", "the daemon w12 died"
    )


def test_only_what_failed_or_was_lost_is_signed_and_only_once() -> None:
    for outcome in (pb.OUTCOME_PASSED, pb.OUTCOME_CANCELLED, pb.OUTCOME_PRUNED):
        end = event_pb2.AttemptFinished(outcome=outcome, message="x")
        sign(end)
        assert end.signature == ""
    end = event_pb2.AttemptFinished(outcome=pb.OUTCOME_FAILED, reason=pb.REASON_EXIT, message="x")
    sign(end)
    assert end.signature == signature_of(pb.REASON_EXIT, "", "x")
    end.message = "y"
    sign(end)
    assert end.signature == signature_of(pb.REASON_EXIT, "", "x")


def test_a_job_has_the_signature_of_its_last_attempt() -> None:
    end = event_pb2.AttemptFinished(outcome=pb.OUTCOME_FAILED, signature="0123456789abcdef")
    result = result_of_end(end, 2)
    complete(result, pb.NODE_KIND_JOB, "top/x", allow_failure=False, now=1)
    assert result.signature == "0123456789abcdef"


def test_a_job_that_was_lost_without_an_attempt_has_a_signature_and_a_group_has_none() -> None:
    for kind, signed in ((pb.NODE_KIND_JOB, True), (pb.NODE_KIND_GROUP, False)):
        result = event_pb2.Result(outcome=pb.OUTCOME_LOST, reason=pb.REASON_DAEMON_START, message="no daemon")
        complete(result, kind, "top", allow_failure=False, now=1)
        assert bool(result.signature) == signed


def test_an_attempt_of_which_nobody_knows_the_end_has_the_signature_of_its_cause() -> None:
    assert lost("the daemon w1 died").signature == lost("the daemon w2 died").signature
    assert lost("the daemon w1 died").signature != lost("the run died", pb.REASON_RUN_DIED).signature


@pytest.mark.parametrize(
    ("reason", "first_error", "message"),
    [
        (pb.REASON_EXIT, "error: 17 of 20 in /tmp/x", "exited with code 3"),
        (pb.REASON_EXIT, "", "exited with code 3"),
        (pb.REASON_SIGNAL, "", "killed by signal 11 (SIGSEGV)"),
        (pb.REASON_NOT_STARTED, "said before", "no such program in PATH: x"),
    ],
)
def test_what_is_kept_with_a_failure_makes_its_signature_again(
    reason: pb.Reason.ValueType, first_error: str, message: str
) -> None:
    end = event_pb2.AttemptFinished(outcome=pb.OUTCOME_FAILED, reason=reason, message=message, exit_code=3)
    if first_error:
        end.first_error.CopyFrom(event_pb2.ErrorMessage(text=first_error, stream=pb.STREAM_STDERR, line=4))
    others = [event_pb2.ErrorMessage(text=f"warning {n}") for n in range(5)]
    sign(end, [end.first_error, *others])
    stored = event_pb2.FailureInputs.FromString(end.failure_inputs.SerializeToString())
    assert signature_from(stored) == end.signature == signature_of(reason, first_error, message)
    assert end.signature.startswith("s0-")
    assert len(end.signature) == len("s0-") + 16
    assert [one.text for one in stored.runners_up] == ["warning 0", "warning 1", "warning 2"]
    assert (stored.reason, stored.exit_code) == (reason, 3)
