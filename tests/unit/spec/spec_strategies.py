"""Strategies of hypothesis that make any spec that can be written."""

from typing import Any

from hypothesis import strategies as st

from gator.spec import ident_problem
from gator.spec.keys import ULIMITS
from gator.v1 import common_pb2, event_pb2, spec_pb2

# Any text but what cannot be in an argument: NUL, and halves of surrogate pairs.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12).map(
    lambda text: text.replace("${", "$ {")
)
FILLED = TEXTS.filter(lambda text: bool(text.strip()))
WORDS = st.sampled_from(
    ["null", "~", "on", "1.10", "010", "a b", "- x", "#", "'", '"', ": ", "x: y", "é", "<<"]
)
ARGS = st.one_of(TEXTS, WORDS)
IDENTS = st.one_of(FILLED, WORDS).filter(lambda text: ident_problem(text) is None)
NAMES = FILLED.filter(lambda text: "=" not in text and not text.startswith(("x-", "GATOR_")))
LABEL_NAMES = NAMES.filter(lambda text: text == text.strip())
SCRIPTS = st.one_of(
    FILLED, st.lists(st.one_of(TEXTS, WORDS)).map("\n".join).filter(lambda t: bool(t.strip()))
)
MILLIS = st.integers(1, 10**9)
COUNTS = st.integers(0, 2**31 - 1)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


def _variables(values: dict[str, str | None]) -> list[spec_pb2.EnvVariable]:
    return [spec_pb2.EnvVariable(name=name, value=value) for name, value in values.items()]


ENV = st.builds(_variables, st.dictionaries(NAMES, optional(ARGS), max_size=3))
SCRATCH = st.one_of(
    st.just(spec_pb2.Scratch(enabled=False)),
    st.builds(
        spec_pb2.Scratch,
        enabled=st.just(True),
        keep=st.sampled_from(spec_pb2.ScratchKeep.values()),
        root=st.one_of(st.just(""), FILLED),
    ),
)
ENTRIES = st.builds(
    spec_pb2.ParserEntry,
    match=st.sampled_from(["^x: (?P<message>.*)$", "a 'quoted' \\d+", "é"]),
    severity=st.sampled_from(
        [common_pb2.SEVERITY_INFO, common_pb2.SEVERITY_ERROR, common_pb2.SEVERITY_CRITICAL]
    ),
    rank=st.sampled_from([spec_pb2.PARSER_RANK_CAUSE, spec_pb2.PARSER_RANK_CONSEQUENCE]),
    decisive=st.booleans(),
    until=st.sampled_from(["", "^$"]),
    words=st.lists(st.sampled_from(["x: ", "a b"]), max_size=2),
)
PARSERS = st.builds(
    spec_pb2.Parsers,
    list=st.lists(
        st.one_of(
            st.builds(spec_pb2.Parser, name=st.sampled_from(["auto", "gcc"])),
            st.builds(
                spec_pb2.Parser,
                name=st.sampled_from(["ours", "x y"]),
                entries=st.lists(ENTRIES, min_size=1, max_size=2),
            ),
        ),
        max_size=2,
    ),
)
PARAM_NAMES = st.sampled_from(["mode", "n", "Tests", "_x1"])
PARAMS = (
    st.builds(
        spec_pb2.Param,
        name=PARAM_NAMES,
        type=st.just(spec_pb2.PARAM_TYPE_TEXT),
        values=st.lists(ARGS, min_size=1, max_size=1),
        help=st.one_of(st.just(""), FILLED),
    ),
    st.builds(
        spec_pb2.Param,
        name=PARAM_NAMES,
        type=st.just(spec_pb2.PARAM_TYPE_LIST),
        values=st.lists(st.sampled_from(["a", "b c", "$x"]), max_size=3),
        choices=st.sampled_from([[], ["a", "b c", "$x"]]),
    ),
    st.builds(
        spec_pb2.Param,
        name=PARAM_NAMES,
        type=st.sampled_from([spec_pb2.PARAM_TYPE_NUMBER, spec_pb2.PARAM_TYPE_BOOL]),
        required=st.just(True),
    ),
)
METRICS = st.dictionaries(
    st.sampled_from(["cycles", "a b", "é"]),
    st.one_of(
        st.just(spec_pb2.MetricRule()),
        st.builds(
            spec_pb2.MetricRule,
            match=st.sampled_from([r"ran (\d+) cycles", "^x: (?P<value>.*) 'of' (.*)$"]),
            kind=st.sampled_from(event_pb2.MetricKind.values()),
            unit=st.sampled_from(["", "ms", "% of x"]),
        ),
    ),
    max_size=2,
)
SETTINGS = st.builds(
    spec_pb2.Settings,
    env=ENV,
    cwd=ARGS,
    setup=st.one_of(st.just(""), SCRIPTS),
    timeout_millis=optional(st.one_of(st.just(0), MILLIS)),
    grace_millis=optional(st.one_of(st.just(0), MILLIS)),
    # One mode is set by an option alone.
    stderr=st.sampled_from(
        [mode for mode in spec_pb2.StderrMode.values() if mode != spec_pb2.STDERR_MODE_ERROR_UNLESS_PARSED]
    ),
    parsers=optional(PARSERS),
    scratch=optional(SCRATCH),
    starts=optional(st.builds(spec_pb2.Starts, match=st.sampled_from(["^ready", "got (?:a|the) license"]))),
    first_error=optional(
        st.builds(spec_pb2.FirstError, match=st.sampled_from(["^FAIL: ", "(?P<code>E[0-9]+): ", "x"]))
    ),
    metrics=METRICS,
    results=optional(
        st.builds(
            spec_pb2.Results,
            list=st.lists(
                st.builds(
                    spec_pb2.ResultsFile,
                    file=FILLED,
                    format=st.sampled_from(["", "junit", "tap", "go"]),
                    required=st.booleans(),
                ),
                min_size=1,
                max_size=2,
            ),
        )
    ),
    silence=optional(
        st.builds(
            spec_pb2.Silence, millis=st.one_of(st.just(0), MILLIS), watch=st.one_of(st.just(""), FILLED)
        )
    ),
    tty=optional(st.booleans()),
    nice=optional(st.integers(-39, 39)),
    ulimit=st.dictionaries(st.sampled_from(sorted(ULIMITS)), st.integers(-1, 2**60), max_size=3),
    retries=optional(
        st.builds(
            spec_pb2.Retries,
            lost=st.integers(0, 9),
            count=optional(st.integers(0, 1000)),
            reasons=st.sampled_from([[], [common_pb2.REASON_EXIT, common_pb2.REASON_NOT_STARTED]]),
            delay_millis=optional(st.one_of(st.just(0), MILLIS)),
            backoff=optional(st.floats(1, 100)),
            reseed=optional(st.booleans()),
        )
    ),
    also_log=optional(
        st.builds(
            spec_pb2.AlsoLog,
            files=st.lists(st.sampled_from(["sim.log", "/tmp/b c.log", "x/y"]), unique=True, max_size=3),
        )
    ),
    jobserver=st.sampled_from(spec_pb2.JobserverMode.values()),
    flaky=st.sampled_from(spec_pb2.FlakyMode.values()),
    limits=optional(
        st.builds(
            spec_pb2.Limits,
            warning=optional(st.integers(-1, 9)),
            error=st.integers(-1, 9),
            critical=optional(st.integers(-1, 9)),
        )
    ),
    tags=st.lists(FILLED, max_size=3, unique=True),
    params=st.lists(st.one_of(PARAMS), max_size=2, unique_by=lambda param: param.name.upper()),
)
REFERENCES = st.lists(st.builds(spec_pb2.Reference, name=st.one_of(FILLED, WORDS)), max_size=2)


def _order(
    on_pass: list[spec_pb2.Reference], on_fail: list[spec_pb2.Reference], on_done: list[spec_pb2.Reference]
) -> spec_pb2.Order | None:
    if not (on_pass or on_fail or on_done):
        return None
    return spec_pb2.Order(on_pass=on_pass, on_fail=on_fail, on_done=on_done)


ORDERS = st.builds(_order, REFERENCES, REFERENCES, REFERENCES)


def _resources(
    cores: int | None, memory: int | None, enforce: bool, licenses: dict[str, int]
) -> spec_pb2.Resources:
    return spec_pb2.Resources(
        cores=cores, memory_bytes=memory, enforce_memory=bool(memory) and enforce, licenses=licenses
    )


RESOURCES = st.builds(
    _resources,
    optional(st.integers(0, 999)),
    optional(st.integers(0, 2**62)),
    st.booleans(),
    st.dictionaries(FILLED, st.integers(1, 9), max_size=2),
)
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "allow_failure": st.booleans(),
    "quarantine": optional(
        st.builds(spec_pb2.Quarantine, owner=FILLED, reason=FILLED, until=st.sampled_from(["", "2027-01-31"]))
    ),
    "when": st.sampled_from(["", "true", "false", "${{ env.RUN }}"]),
    "priority": st.integers(-9, 9),
    "seed": optional(st.integers(1, 2**31 - 1).map(str)),
    "deadline_millis": optional(st.one_of(st.just(0), MILLIS)),
    "settings": SETTINGS,
}


def _exclude(value: str) -> spec_pb2.MatrixExclude:
    return spec_pb2.MatrixExclude(values={"test": value})


# The writer of specs always writes `repeats`, so instances are numbered.
MATRICES = st.one_of(
    st.builds(
        spec_pb2.Matrix,
        axes=st.just([spec_pb2.MatrixAxis(name="test", values=["a", "1.10"]), spec_pb2.MatrixAxis(name="n")]),
        exclude=st.lists(st.builds(_exclude, ARGS), max_size=2),
        numbered=st.just(True),
    ),
    st.builds(
        spec_pb2.Matrix,
        names=st.just(["test", "n"]),
        rows=st.lists(
            st.builds(spec_pb2.MatrixRow, values=st.lists(ARGS, min_size=2, max_size=2)),
            min_size=1,
            max_size=2,
        ),
        numbered=st.just(True),
    ),
)
CAUSES = st.builds(
    spec_pb2.CauseRule,
    name=st.sampled_from(["grant timeout", "a: b"]),
    match=st.sampled_from(["waiting for (grant|credit)", "x"]),
    paths=st.sampled_from(["", "pcie/**"]),
    ticket=st.sampled_from(["", "HW-12"]),
)


@st.composite
def specs(draw: st.DrawFn, depth: int = 0) -> spec_pb2.Spec:
    common: dict[str, Any] = {name: draw(strategy) for name, strategy in COMMON.items()}
    common["ident"] = draw(IDENTS)
    if depth:
        common["order"] = draw(ORDERS)
    kind = draw(st.sampled_from(["job", "shell", "group", "array"] if depth < 2 else ["job", "shell"]))
    if kind == "job":
        command: dict[str, Any] = {"command": draw(FILLED), "args": draw(st.lists(ARGS, max_size=4))}
        return spec_pb2.Spec(job=spec_pb2.Job(**common, **command, resources=draw(RESOURCES)))
    if kind == "shell":
        return spec_pb2.Spec(job=spec_pb2.Job(**common, shell=draw(SCRIPTS)))
    if not depth:
        common["licenses"] = draw(st.dictionaries(NAMES, COUNTS, max_size=2))
        common["labels"] = draw(
            st.dictionaries(LABEL_NAMES, st.sampled_from(["", "x y", "1.10", "no"]), max_size=2)
        )
        common["causes"] = draw(st.lists(CAUSES, max_size=2))
        common["secrets"] = draw(st.lists(st.sampled_from(["A", "DB_URL", "x y"]), unique=True, max_size=2))
    common["max_fail"] = draw(optional(st.integers(0, 9)))
    common["max_fail_per_cause"] = draw(optional(st.integers(0, 9)))
    children = draw(st.lists(specs(depth + 1), max_size=2))
    for number, child in enumerate(children):
        node = getattr(child, child.WhichOneof("node") or "")
        node.ident = f"{number}{node.ident[1:]}"
    if kind == "group":
        return spec_pb2.Spec(group=spec_pb2.JobGroup(**common, jobs=children))
    common["repeats_text"] = draw(st.sampled_from(["", "", "${{ env.N }}"]))
    repeats = 1 if common["repeats_text"] else draw(COUNTS)
    matrix = draw(optional(MATRICES))
    return spec_pb2.Spec(array=spec_pb2.JobArray(**common, jobs=children, repeats=repeats, matrix=matrix))
