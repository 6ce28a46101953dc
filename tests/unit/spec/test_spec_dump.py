import textwrap

from hypothesis import given
from hypothesis import strategies as st

from gator.errors import SpecError
from gator.spec import load
from gator.spec.dump import dump
from gator.spec.keys import NODE_KEYS, SUB_KEYS
from gator.v1 import spec_pb2
from tests.properties import examples
from tests.unit.spec.spec_strategies import specs


def without_positions(spec: spec_pb2.Spec) -> spec_pb2.Spec:
    """The spec without where it stands and without messages that say nothing."""
    bare = spec_pb2.Spec()
    bare.CopyFrom(spec)
    _strip(bare)
    return bare


def _strip(spec: spec_pb2.Spec) -> None:
    node = getattr(spec, spec.WhichOneof("node") or "")
    node.ClearField("position")
    for name in ("on_pass", "on_fail", "on_done"):
        for reference in getattr(node.order, name):
            reference.ClearField("position")
    for param in node.settings.params:
        param.ClearField("position")
    if "matrix" in node.DESCRIPTOR.fields_by_name and node.HasField("matrix"):
        node.matrix.ClearField("position")
    for name in ("order", "settings", "resources"):
        if name in node.DESCRIPTOR.fields_by_name and not getattr(node, name).ByteSize():
            node.ClearField(name)
    for child in getattr(node, "jobs", ()):
        _strip(child)


@examples(60)
@given(specs())
def test_any_spec_survives_dump_and_load(spec: spec_pb2.Spec) -> None:
    text = dump(spec)
    assert without_positions(load(text, file="x.yaml").spec) == without_positions(spec)


@examples(150)
@given(
    st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
    )
)
def test_any_bytes_are_loaded_or_refused(data: bytes) -> None:
    try:
        load(data, file="x.yaml")
    except SpecError as error:
        assert error.problems


TAGS = ("!Job", "!JobGroup", "!JobArray", "!Cores", "!Memory", "!License", "!Include", "!!python/name:x")
MARKS = ("-", ":", "[", "]", "{", "}", ",", "&a", "*a", "<<", "null", "'", '"', "|", "x-", "#", "---")
REST = ("${{ ", "}}", "${", "1", "2GB", "- ", ": ", ", ", "\n", "\n  ", " ", "\t")
KEYS = (*NODE_KEYS, *(key.name for keys in SUB_KEYS.values() for key in keys))
PIECES = st.sampled_from([*TAGS, *MARKS, *REST, *KEYS])


@examples(200)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_pieces_of_the_language_are_loaded_or_refused(text: str) -> None:
    try:
        found = load("!JobGroup\njobs:\n- " + text, file="x.yaml", read=lambda path: text.encode())
    except SpecError as error:
        assert error.problems
    else:
        assert dump(found.spec)


def test_a_script_stays_readable() -> None:
    script = "set -x\n\nif true; then\n  echo \"$A\" 'b'\nfi\n"
    text = dump(spec_pb2.Spec(job=spec_pb2.Job(ident="a", shell=script)))
    expected = textwrap.dedent("""\
        !Job
        ident: a
        shell: |
          set -x

          if true; then
            echo "$A" 'b'
          fi
        """)
    assert text == expected
