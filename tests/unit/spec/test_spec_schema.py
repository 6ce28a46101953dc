from typing import Any

import jsonschema

from gator.spec.keys import KINDS, NODE_KEYS, SUB_KEYS
from gator.spec.schema import json_schema

VALIDATOR: Any = jsonschema.Draft202012Validator(json_schema())


def valid(instance: Any) -> bool:
    return VALIDATOR.is_valid(instance)


def test_every_key_is_in_the_schema() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for kind in KINDS:
        properties = schema["$defs"][kind[1:]]["properties"]
        assert set(properties) == {key.name for key in NODE_KEYS.values() if kind in key.nodes}
        assert all(properties[name]["description"] == NODE_KEYS[name].doc for name in properties)
    text = str(schema)
    assert all(repr(key.name) in text for keys in SUB_KEYS.values() for key in keys)


def test_the_schema_tells_right_from_wrong() -> None:
    job = {
        "command": "echo",
        "args": [1, "a", None],
        "timeout": "1h30m",
        "env": {"A": 1, "B": None},
        "x-a": [],
    }
    assert valid(job)
    assert valid({"ident": "top", "jobs": [job], "licenses": {"ToolA": 2}, "max_fail": "none"})
    assert valid({"repeats": "0x10", "jobs": [{"shell": "x"}], "on_pass": "a", "limits": {"error": 3}})
    for wrong in (
        {"comand": "echo"},
        {"command": "echo", "shell": "x"},
        {"command": "echo", "args": "a"},
        {"command": "echo", "stderr": "loud"},
        {"command": "echo", "limits": {"errors": 1}},
        {"jobs": [{"command": "echo", "timeout": "soon"}]},
    ):
        assert not valid(wrong), wrong
