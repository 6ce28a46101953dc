"""The table of keys is complete: each has a field, and each type can be read, described and written."""

import pytest
from msgspec.structs import replace

from gator.errors import SpecError
from gator.spec import load
from gator.spec.builders.nodes import READERS
from gator.spec.dump import WRITERS, dump
from gator.spec.keys import ARRAY, GROUP, JOB, KEYS_OF, NODE_KEYS, Inheritance, Key
from gator.spec.schema import of_type
from gator.v1 import spec_pb2

MESSAGES = {JOB: spec_pb2.Job, GROUP: spec_pb2.JobGroup, ARRAY: spec_pb2.JobArray}


@pytest.mark.parametrize("key", NODE_KEYS.values(), ids=NODE_KEYS)
def test_a_key_has_a_field_in_each_of_its_nodes(key: Key) -> None:
    message, attribute = key.path
    for tag in key.nodes:
        descriptor = MESSAGES[tag].DESCRIPTOR
        if message:
            inner = descriptor.fields_by_name[message].message_type
            assert inner is not None
            descriptor = inner
        assert attribute in descriptor.fields_by_name


@pytest.mark.parametrize("key", NODE_KEYS.values(), ids=NODE_KEYS)
def test_the_type_of_a_key_is_read_described_and_written(key: Key) -> None:
    assert key.type in READERS
    assert of_type(key.type)
    assert key.type in WRITERS or key.type == "nodes"


def test_exactly_the_settings_are_inherited() -> None:
    inherited = {key.path[1] for key in NODE_KEYS.values() if key.inherits is not Inheritance.NONE}
    assert inherited == set(spec_pb2.Settings.DESCRIPTOR.fields_by_name)


def test_no_word_of_other_tools_is_a_key_or_means_two() -> None:
    words = [word for key in NODE_KEYS.values() for word in key.words]
    assert len(set(words)) == len(words)
    assert not set(words) & set(NODE_KEYS)


def test_no_type_is_left_over() -> None:
    types = {key.type for key in NODE_KEYS.values()} | {"text"}
    assert set(READERS) == types
    assert set(WRITERS) == types - {"nodes"}


def test_a_key_of_type_text_needs_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """No node has such a key today, so the one of another type stands in."""
    monkeypatch.setitem(KEYS_OF[JOB], "cwd", replace(NODE_KEYS["cwd"], type="text"))
    loaded = load("!Job {ident: a, command: b, cwd: 1.10}", file="spec.yaml")
    assert loaded.spec.job.settings.cwd == "1.10"
    assert "cwd: 1.10" in dump(loaded.spec)
    with pytest.raises(SpecError, match="cannot be used in 'cwd'"):
        load("!Job {ident: a, command: b, cwd: '${{ seed }}'}", file="spec.yaml")
