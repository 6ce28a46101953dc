"""What failures have in common: chance makes no difference to a signature, causes do."""

import itertools
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.causes.first_error import Choice
from gator.core.causes.normalise import normalised
from gator.core.causes.signature import DIGITS, VERSION, sign, signature_from
from gator.core.tree.outcomes.results import complete, lost, result_of_end
from gator.v1 import common_pb2, event_pb2
from tests.unit.core.attempt.machine_support import ERR, end_of, finish, left, running

LENGTH = len(VERSION) + 1 + DIGITS

# -- output of tools: that of one list has one cause, that of two lists has two

CAUSES = [
    [
        "/home/ann/chip/src/fifo.c:12:5: error: expected ';' before 'return'",
        "../src/fifo.c:14:17: error: expected ';' before 'return'",
        "\x1b[1mfifo.c:9:1:\x1b[0m \x1b[31merror:\x1b[0m expected ‘;’ before ‘return’",
    ],
    ["/home/ann/chip/src/arbiter.c:12:5: error: expected ';' before 'return'"],
    ["fifo.c:12:5: error: 'head' undeclared (first use in this function)"],
    ["fifo.c:12:5: error: 'tail' undeclared (first use in this function)"],
    [
        "fifo.c:(.text+0x1f): undefined reference to `start'",
        "fifo.c:(.text+0xa8): undefined reference to `start'",
    ],
    ["fifo.c:(.text+0x1f): undefined reference to `stop'"],
    ["E   AssertionError: assert 1 == 2", "E       AssertionError: assert 41.5 == -7e-3"],
    ["E   assert 3 in [1, 2]", "E   assert 17 in [4, 5, 6, 7]"],
    ["KeyError: 'alpha'", 'KeyError: "alpha"'],
    ["KeyError: 'beta'"],
    [
        "FileNotFoundError: [Errno 2] No such file or directory: '/tmp/tmpa8f_x/out.log'",
        "FileNotFoundError: [Errno 2] No such file or directory: 'out.log'",
        "FileNotFoundError: [Errno 2] No such file or directory: './run_269/out.log'",
    ],
    ["PermissionError: [Errno 13] Permission denied: '/etc/shadow'"],
    [
        "ValueError: invalid literal for int() with base 10: 'x1'",
        "ValueError: invalid literal for int() with base 10: 'depth'",
    ],
    [
        'java.lang.NumberFormatException: For input string: "x1"',
        'java.lang.NumberFormatException: For input string: "y"',
    ],
    ["curl: (22) The requested URL returned error: 500"],
    ["curl: (22) The requested URL returned error: 403"],
    ["checksum of object 3f2a9c does not match", "checksum of object aa01bb does not match"],
    ["OSError: [Errno 5] Input/output error"],
    [
        "UVM_ERROR /chip/tb/sb.sv(123) @ 4500: uvm_test_top.env.sb [SB] mismatch exp=1f act=2e",
        "UVM_ERROR ../tb/sb.sv(99) @ 17000.5ns: uvm_test_top.env.sb [SB] mismatch exp=ff act=0",
        "UVM_ERROR tb/sb.sv(99) @ 3: uvm_test_top.env.sb [SB] mismatch exp=0xdead act=32'hxx",
    ],
    ["UVM_ERROR /chip/tb/sb.sv(123) @ 4500: uvm_test_top.env.sb [SB] queue is not empty at the end"],
    ["UVM_ERROR /chip/tb/sb.sv(123) @ 4500: uvm_test_top.env.agent[5].drv [SB] mismatch exp=1f act=2e"],
    ["%Error: t/top.v:3:7: Cannot find file containing module: 'fifo'"],
    ["make: *** No rule to make target 'a.o', needed by 'all'.  Stop."],
    [
        "==123==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000014 at pc 0x55 bp 0x7ffe",
        "==98765==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60 at pc 0x5581aaff bp 0x1",
    ],
    ["==123==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000014 at pc 0x55 bp 0x7ffe"],
    [
        "thread 'main' panicked at src/main.rs:4:5:\nqueue is full",
        "thread 'worker-7' panicked at /build/x/src/main.rs:104:15:\nqueue is full",
    ],
    ["error[E0308]: mismatched types"],
    ["error[E0382]: borrow of moved value: `x`"],
    [
        'Exception in thread "main" java.lang.NullPointerException: Cannot invoke "A.b()"',
        'Exception in thread "pool-1-thread-2" java.lang.NullPointerException: Cannot invoke "A.b()"',
    ],
    ['Exception in thread "main" java.lang.IllegalStateException: com.foo.Bar@1b6d3586 is closed'],
    ["the licence server does not answer after 1m30s", "the licence server does not answer after 350 ms"],
    ["5 tests do not end", "1 test do not end"],
    ["panic: runtime error: index out of range [5] with length 3"],
    ["fatal: bad object 9fceb02d0ae598e95dc970b74767f19372d61af8", "fatal: bad object deadbeefcafe"],
    [
        "request 123e4567-e89b-12d3-a456-426614174000 to http://node17:8080/a?b=c failed",
        "request 00000000-e89b-12d3-a456-426614174fff to https://other/a failed",
    ],
    ["cannot open c:\\users\\ann\\x.txt", "cannot open /home/ann/x.txt"],
    ["read/write error on the bus"],
    [
        "subprocess.CalledProcessError: Command '['/usr/bin/gcc', 'a.c']' returned non-zero exit status 1.",
        "subprocess.CalledProcessError: Command '['gcc', '-c', 'b.c']' returned non-zero exit status 1.",
    ],
    ["subprocess.CalledProcessError: Command '['make', 'all']' returned non-zero exit status 1."],
    ['f.proto:2:13: "Nope" is not defined.', 'f.proto:2105:6: "Nope" is not defined.'],
    ["cannot read /tmp/tmpk2j_9xzq", "cannot read /tmp/tmpabcdefgh", "cannot read /tmp/tmp.Xa81kPqLz0"],
    ["cannot read /tmp/tmp_counter.c"],
    ["bad object /tmp/ccIIiwuX.o", "bad object /tmp/ccLEc6yo.o"],
    ["KeyError: 'tmp_counter'"],
    ["MAC ff:ee:dd:cc:bb:aa down", "MAC 00:11:22:33:44:55 down"],
    ["[    5.123456] e1000: link down", "[12345.678901] e1000: link down"],
    ["dict differs: {'a': 1, 'b': 2}", "dict differs: {'c': 4}"],
    ["GET /v1/runs answered 404", "GET /v1/runs answered 404"],
    ["GET /v1/runs answered 503"],
    ["state=IDLE exp=REQ", "state=BUSY exp=REQ"],
    ["pod sim-runner-860ef4c75-5gnz5 evicted", "pod sim-runner-ac80f8403-mk7fd evicted"],
]


def of_error(text: str) -> str:
    """The signature of a job that writes a text to stderr and exits with 1."""
    wrapper = running()
    wrapper.on_output(10, ERR, text.encode("utf-8", "surrogateescape") + b"\n")
    return end_of(finish(wrapper, 20, left(1))).signature


def of_sentence(
    reason: common_pb2.Reason.ValueType, message: str, code: int | None = None, path: str = ""
) -> str:
    """The signature of a failure without output."""
    end = event_pb2.AttemptFinished(
        outcome=common_pb2.OUTCOME_FAILED, reason=reason, message=message, exit_code=code
    )
    sign(end, path=path)
    assert signature_from(end.failure_inputs) == end.signature
    return end.signature


@pytest.mark.parametrize("texts", CAUSES, ids=lambda texts: texts[0][:40])
def test_one_cause_has_one_signature(texts: list[str]) -> None:
    assert len({of_error(text) for text in texts}) == 1


def test_two_causes_have_two_signatures() -> None:
    found = {of_error(texts[0]): texts[0] for texts in CAUSES}
    assert len(found) == len(CAUSES)


def test_signatures_are_the_same_for_ever() -> None:
    # Histories of years are compared by them: never change these.
    assert (
        of_error("UVM_ERROR tb/sb.sv(99) @ 4500: top.sb [SB] mismatch exp=1f act=0") == "s1-0cb8f25e5389f075"
    )
    assert of_sentence(common_pb2.REASON_EXIT, "exited with code 3", 3) == "s1-c0af54632028bb35"
    assert of_sentence(common_pb2.REASON_RUN_DIED, "the run died before this ended") == "s1-b28adc44403cba08"


# -- by properties

WORDS = st.text(string.ascii_lowercase[6:], min_size=4, max_size=9).filter(
    # A noun after a number has no plural, some words are names of times, and after others comes a value.
    lambda word: (
        not word.endswith("s") and word not in ("hour", "kgib", "host", "port", "slot", "line", "null")
    )
)
NUMBERS = st.one_of(
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(str),
    st.integers(min_value=0).map(hex),
    st.integers(min_value=0, max_value=10**12).map("{:,}".format),
    st.integers(min_value=0).map("32'h{:x}".format),
)
FOLDERS = st.lists(st.text(string.ascii_letters + string.digits + "_-", min_size=1), min_size=1, max_size=6)
PATHS = st.builds("{}/{}/out.log".format, st.sampled_from(["", "/home", "~"]), FOLDERS.map("/".join))
TIMES = st.datetimes().map(lambda at: at.isoformat(sep="T")) | st.datetimes().map(str)
SPANS = st.builds(
    "{}{}{}".format,
    st.integers(min_value=0, max_value=10**6),
    st.sampled_from(["", " "]),
    st.sampled_from(["ns", "us", "µs", "ms", "s", "seconds", "min", "hours", "h", "MB", "GiB", "bytes"]),
)
CHANCE = {"number": NUMBERS, "path": PATHS, "time": TIMES, "span": SPANS}
SHAPES = st.lists(st.sampled_from([*CHANCE, "word"]), min_size=1, max_size=8)


@given(data=st.data(), shape=SHAPES)
def test_the_same_words_with_other_numbers_paths_and_times_have_the_same_signature(
    data: st.DataObject, shape: list[str]
) -> None:
    words = [data.draw(WORDS) for _ in range(len(shape) + 1)]

    def said() -> str:
        parts = [data.draw(CHANCE[kind]) if kind in CHANCE else "still" for kind in shape]
        return " ".join(itertools.chain.from_iterable(zip(words, parts, strict=False)))

    assert normalised(said()) == normalised(said())


@given(one=st.lists(WORDS, min_size=1, max_size=10), other=st.lists(WORDS, min_size=1, max_size=10))
def test_other_words_have_another_signature(one: list[str], other: list[str]) -> None:
    assert (of_error(" ".join(one)) == of_error(" ".join(other))) == (one == other)


@given(text=st.text(st.characters(), max_size=1000))
def test_any_text_can_be_normalised(text: str) -> None:
    assert len(normalised(text)) <= 300


@pytest.mark.parametrize(
    "piece",
    [
        "-",
        "a/",
        "'",
        "1",
        "# ",
        "'a ",
        "a.b-",
        "=a",
        "/",
        "1:2",
        "\ud800",
        "[1]",
        "x\x1b[",
        "<path>:",
        "a.",
        "{,",
        "1m",
    ],
)
def test_long_texts_cost_little(piece: str) -> None:
    # Without a bound on what is tried again, some of these would take minutes.
    assert len(normalised((piece * 1000)[:1000])) <= 300


# -- what it is made of


def test_the_reason_counts() -> None:
    assert of_sentence(common_pb2.REASON_EXIT, "x") != of_sentence(common_pb2.REASON_LIMIT, "x")


def test_of_what_ended_in_silence_the_status_counts_and_other_numbers_do_not() -> None:
    exits = {of_sentence(common_pb2.REASON_EXIT, f"exited with code {code}", code) for code in (3, 4)}
    assert len(exits) == 2
    assert of_sentence(common_pb2.REASON_TIMEOUT, "ran longer than its timeout of 5s") == of_sentence(
        common_pb2.REASON_TIMEOUT, "ran longer than its timeout of 1m30s"
    )
    assert of_sentence(
        common_pb2.REASON_MEMORY, "used 2.1 GB of memory where 2 GB are allowed"
    ) == of_sentence(common_pb2.REASON_MEMORY, "used 999 MB of memory where 1 MB are allowed")


SILENT = (
    (common_pb2.REASON_EXIT, "exited with code 1", 1),
    (common_pb2.REASON_SIGNAL, "killed by signal SEGV", None),
    (common_pb2.REASON_TIMEOUT, "ran longer than its timeout of 5s", None),
    (common_pb2.REASON_MEMORY, "used 2.1 GB of memory where 2 GB are allowed", None),
)
NAMES = st.text(string.ascii_lowercase + "_.-", min_size=1, max_size=12).filter(
    lambda name: name[-1].isalpha()
)
LABELS = st.text(string.ascii_letters + string.digits + "=,._-", min_size=1, max_size=12)


@given(silent=st.sampled_from(SILENT), names=st.lists(NAMES, min_size=2, max_size=4), data=st.data())
def test_silent_failures_of_instances_and_numbered_jobs_have_one_cause(
    silent: tuple[common_pb2.Reason.ValueType, str, int | None], names: list[str], data: st.DataObject
) -> None:
    reason, message, code = silent

    def name(name: str) -> str:
        number = data.draw(st.sampled_from(["", "_", "."])) + str(data.draw(st.integers(0, 10**6)))
        return data.draw(st.sampled_from([name, f"{name}[{data.draw(LABELS)}]", f"{name}{number}"]))

    root = data.draw(NAMES)
    found = {of_sentence(reason, message, code, "/".join([root, *map(name, names[1:])])) for _ in range(3)}
    assert len(found) == 1


@given(silent=st.sampled_from(SILENT), names=st.lists(NAMES, min_size=2, max_size=2, unique=True))
def test_silent_failures_of_unrelated_jobs_have_other_causes(
    silent: tuple[common_pb2.Reason.ValueType, str, int | None], names: list[str]
) -> None:
    reason, message, code = silent
    assert len({of_sentence(reason, message, code, f"top/{name}") for name in names}) == 2


def test_the_job_does_not_count_where_a_sentence_names_the_cause_or_the_host_is_to_blame() -> None:
    for reason, message in (
        (common_pb2.REASON_RUN_DIED, "the run died before this ended"),
        (common_pb2.REASON_DISK_FULL, "the disk is full"),
        (common_pb2.REASON_METRIC, "the metric coverage was never reported, where >= 80% is expected"),
    ):
        assert of_sentence(reason, message, path="top/a") == of_sentence(reason, message, path="top/b")


def test_the_job_does_not_count_where_there_are_last_words() -> None:
    said = event_pb2.ErrorMessage(text="queue is full", message="queue is full")
    ends = [
        event_pb2.AttemptFinished(
            outcome=common_pb2.OUTCOME_FAILED, reason=common_pb2.REASON_EXIT, exit_code=1
        )
        for _ in range(2)
    ]
    for end, path in zip(ends, ("top/a", "top/b"), strict=True):
        sign(end, Choice(said, said), path)
    assert ends[0].signature == ends[1].signature


def test_the_last_words_of_a_timeout_count() -> None:
    def hung(text: str) -> str:
        said = event_pb2.ErrorMessage(text=text, message=text)
        end = event_pb2.AttemptFinished(
            outcome=common_pb2.OUTCOME_FAILED, reason=common_pb2.REASON_TIMEOUT, message="too long"
        )
        sign(end, Choice(said, said))
        return end.signature

    assert hung("waiting for grant 7") == hung("waiting for grant 12")
    assert hung("waiting for grant 7") != hung("waiting for reset")


def test_what_a_job_said_is_not_to_blame_for_its_loss() -> None:
    said = event_pb2.ErrorMessage(text="boom")
    ends = [
        event_pb2.AttemptFinished(
            outcome=common_pb2.OUTCOME_LOST, reason=common_pb2.REASON_LOST, message=f"the daemon w{n} died"
        )
        for n in (1, 12)
    ]
    sign(ends[0], Choice(said, said))
    sign(ends[1])
    assert ends[0].signature == ends[1].signature


def test_only_what_failed_or_was_lost_is_signed_and_only_once() -> None:
    for outcome in (common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_CANCELLED, common_pb2.OUTCOME_PRUNED):
        end = event_pb2.AttemptFinished(outcome=outcome, message="x")
        sign(end)
        assert end.signature == ""
    end = event_pb2.AttemptFinished(
        outcome=common_pb2.OUTCOME_FAILED, reason=common_pb2.REASON_EXIT, message="x"
    )
    sign(end)
    first = end.signature
    assert len(first) == LENGTH
    end.message = "y"
    sign(end)
    assert end.signature == first


def test_a_job_has_the_signature_of_its_last_attempt() -> None:
    end = event_pb2.AttemptFinished(outcome=common_pb2.OUTCOME_FAILED, signature="0123456789abcdef")
    result = result_of_end(end, 2)
    complete(result, common_pb2.NODE_KIND_JOB, "top/x", allow_failure=False, now=1)
    assert result.signature == "0123456789abcdef"


def test_a_job_that_was_lost_without_an_attempt_has_a_signature_and_a_group_has_none() -> None:
    for kind, signed in ((common_pb2.NODE_KIND_JOB, True), (common_pb2.NODE_KIND_GROUP, False)):
        result = event_pb2.Result(
            outcome=common_pb2.OUTCOME_LOST, reason=common_pb2.REASON_DAEMON_START, message="no daemon"
        )
        complete(result, kind, "top", allow_failure=False, now=1)
        assert bool(result.signature) == signed


def test_an_attempt_of_which_nobody_knows_the_end_has_the_signature_of_its_cause() -> None:
    assert lost("the daemon w1 died").signature == lost("the daemon w2 died").signature
    assert lost("the daemon w1 died").signature != lost("the run died", common_pb2.REASON_RUN_DIED).signature


@pytest.mark.parametrize(
    ("reason", "parser", "message"),
    [
        (common_pb2.REASON_EXIT, "gcc", "error: 17 of 20 in /tmp/x"),
        (common_pb2.REASON_EXIT, "", "exited with code 3"),
        (common_pb2.REASON_SIGNAL, "uvm", "mismatch"),
        (common_pb2.REASON_NOT_STARTED, "", "said before"),
    ],
)
def test_what_is_kept_with_a_failure_makes_its_signature_again(
    reason: common_pb2.Reason.ValueType, parser: str, message: str
) -> None:
    end = event_pb2.AttemptFinished(
        outcome=common_pb2.OUTCOME_FAILED, reason=reason, message="x", exit_code=3
    )
    chosen = event_pb2.ErrorMessage(
        text=message, message=message, parser=parser, code="E1", file="/a/b.c", line=4
    )
    others = tuple(event_pb2.ErrorMessage(text=f"warning {n}") for n in range(5))
    sign(end, Choice(chosen, chosen, others))
    stored = event_pb2.FailureInputs.FromString(end.failure_inputs.SerializeToString())
    assert signature_from(stored) == end.signature
    assert len(end.signature) == LENGTH
    if not stored.by_gator:
        assert [one.text for one in stored.runners_up] == ["warning 0", "warning 1", "warning 2"]
    assert (stored.reason, stored.exit_code) == (reason, 3)
