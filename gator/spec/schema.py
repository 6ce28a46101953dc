"""The spec language as a JSON Schema, for editors, made from the table of keys.

JSON has no tags: `!Job {…}` is described as the mapping after the tag, and a node is one of three mappings.

Invariant: a spec that loads is valid here, apart from its tags.
"""

from collections.abc import Callable
from typing import Any

from gator.spec import keys
from gator.spec.builders.scalars import MAX_COUNT
from gator.spec.idents import MAX_CHARACTERS

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_WORD: Schema = {"type": ["string", "number", "boolean"]}
_PLACEHOLDER = r"\$\{\{.*\}\}"
_NUMBER_TEXT = "^[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)$"
_BOOLEAN: Schema = {"enum": [True, False, "yes", "no", "on", "off"]}
_DURATION: Schema = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": "^(none|[0-9.]+|([0-9]+(\\.[0-9]+)? *(ms|s|m|h|d) *)+)$"},
    ]
}


def json_schema() -> Schema:
    """Returns the schema, as a new mapping."""
    return {
        "$schema": DIALECT,
        "title": "Gator spec",
        "description": "The root of a spec: a !Job, a !JobGroup or a !JobArray.",
        "anyOf": [{"$ref": f"#/$defs/{kind[1:]}"} for kind in keys.KINDS],
        "$defs": {kind[1:]: _node(kind) for kind in keys.KINDS} | _resources(),
    }


def _node(kind: str) -> Schema:
    schema: Schema = {
        "description": f"The keys of a {kind}.",
        "type": "object",
        "properties": {key.name: _key(key) for key in keys.KEYS_OF[kind].values()},
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }
    if kind == keys.JOB:
        schema["oneOf"] = [{"required": ["command"]}, {"required": ["shell"]}, {"required": ["runner"]}]
    return schema


def _resources() -> dict[str, Schema]:
    return {tag: _mapping(type_name) for tag, type_name in _TAGS.items()}


_TAGS = {"Cores": "cores", "Memory": "memory", "License": "license"}


def _key(key: keys.Key) -> Schema:
    # A null is the same as a missing key, for every type.
    forms = [of_type(key.type), {"type": "null"}]
    if key.type in _DEFERRED:
        forms.append({"type": "string", "pattern": _PLACEHOLDER})
    return {"description": key.doc, "anyOf": forms}


_DEFERRED = frozenset(keys.DEFERRED) | {
    key.type for name in (*keys.DEFERRED, "cores", "memory", "license") for key in keys.SUB_KEYS.get(name, ())
}
"""Types of values that can have placeholders, of keys and of the parts of these."""


def _mapping(type_name: str) -> Schema:
    return {
        "type": "object",
        "properties": {key.name: _key(key) for key in keys.SUB_KEYS[type_name]},
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }


def of_type(type_name: str) -> Schema:
    """Returns the schema of a type of value; raises KeyError for an unknown one."""
    make = _TYPES.get(type_name)
    return make() if make is not None else dict(_PLAIN_TYPES[type_name])


def _integer(minimum: int, maximum: int = MAX_COUNT, *words: str) -> Schema:
    forms: list[Schema] = [
        {"type": "integer", "minimum": minimum, "maximum": maximum},
        {"type": "string", "pattern": _NUMBER_TEXT},
    ]
    return {"anyOf": [*forms, {"enum": list(words)}] if words else forms}


def _list_of(item: Schema, *, single: bool) -> Schema:
    items: Schema = {"type": "array", "items": item}
    return {"anyOf": [_WORD, items]} if single else items


def _values(item: Schema) -> Schema:
    return {"type": "object", "additionalProperties": item}


def _nodes() -> Schema:
    return {
        "type": "array",
        "items": {"anyOf": [{"$ref": f"#/$defs/{kind[1:]}"} for kind in keys.KINDS] + [{"type": "string"}]},
    }


def _resource_list() -> Schema:
    forms: list[Schema] = [{"$ref": f"#/$defs/{tag}"} for tag in _TAGS]
    item: Schema = {"anyOf": [*forms, {"type": "array", "minItems": 1, "maxItems": 2}, _WORD]}
    return {"anyOf": [item, {"type": "array", "items": item}]}


def _parsers() -> Schema:
    entry: Schema = {
        "type": "object",
        "properties": dict.fromkeys(keys.ENTRY_KEYS, True),
        "required": ["match"],
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }
    whole: Schema = {
        "type": "object",
        "properties": dict.fromkeys(keys.PARSER_KEYS, True),
        "required": ["entries"],
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }
    matchers: Schema = {
        "type": "object",
        "properties": dict.fromkeys(keys.MATCHERS, _WORD),
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }
    return {"anyOf": [_WORD, {"type": "array", "items": {"anyOf": [_WORD, entry, whole, matchers]}}]}


def _params() -> Schema:
    listed: Schema = {"type": "array", "items": _WORD}
    return _values({"anyOf": [_WORD, listed, _mapping("params")]})


def _matrix() -> Schema:
    axis: Schema = {"anyOf": [{"type": "string"}, {"type": "array", "items": _WORD}]}
    row: Schema = _values(_WORD)
    return {"anyOf": [_values(axis), {"type": "array", "items": row}]}


def _results() -> Schema:
    one: Schema = {"anyOf": [_WORD, _mapping("results")]}
    return {"anyOf": [one, {"type": "array", "items": one}]}


def _runner() -> Schema:
    own = {name: _mapping(name) for name in ("python", "container")}
    one: Schema = {"type": "object", "properties": own, "minProperties": 1, "maxProperties": 1}
    return {"anyOf": [_WORD, one]}


def _consumptions() -> Schema:
    one: Schema = {"anyOf": [_WORD, _mapping("consumptions")]}
    return {"anyOf": [one, {"type": "array", "items": one}]}


def _contracts() -> Schema:
    condition: Schema = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    return _values({"anyOf": [condition, _values(condition)]})


def _ulimits() -> Schema:
    value: Schema = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": ["string", "null"]}]}
    return {
        "type": "object",
        "properties": dict.fromkeys(keys.ULIMITS, value),
        "additionalProperties": False,
    }


_PLAIN_TYPES: dict[str, Schema] = {
    "ident": {**_WORD, "minLength": 1, "maxLength": MAX_CHARACTERS},
    "text": _WORD,
    "program": _WORD,
    "script": _WORD,
    "setup": _WORD,
    "folder": _WORD,
    "boolean": _BOOLEAN,
    "duration": _DURATION,
    "time_limit": _DURATION,
    "size": _WORD,
    "unit": {"type": "string"},
    "stderr": {"enum": list(keys.STDERR_MODES)},
    "keep": {"enum": list(keys.KEEPS)},
    "date": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    "factor": {"anyOf": [{"type": "number", "minimum": 1, "maximum": 100}, {"type": "string"}]},
    "flaky": {"enum": list(keys.FLAKY_MODES)},
    "jobserver": {"anyOf": [_BOOLEAN, {"enum": list(keys.JOBSERVER_FORMS)}]},
    "param_type": {"enum": list(keys.PARAM_TYPES)},
    "param_value": {"anyOf": [_WORD, {"type": "array", "items": _WORD}]},
    "texts": {"type": "array", "items": _WORD},
    "when": {"enum": list(keys.WHENS)},
    "as": {"enum": list(keys.FORMS)},
    "format": {"enum": list(keys.RESULT_FORMATS)},
    "metric_kind": {"enum": list(keys.METRIC_KINDS)},
}
_TYPES: dict[str, Callable[[], Schema]] = {
    "arguments": lambda: _list_of({"type": ["string", "number", "boolean", "null"]}, single=False),
    "tags": lambda: _list_of(_WORD, single=True),
    "names": lambda: _list_of(_WORD, single=True),
    "references": lambda: _list_of({"type": "string"}, single=True),
    "nodes": _nodes,
    "resources": _resource_list,
    "environment": lambda: _values({"type": ["string", "number", "boolean", "null"]}),
    "pools": lambda: _values(_integer(0)),
    "labels": lambda: _values(_WORD),
    "count": lambda: _integer(0),
    "repeats": lambda: {"anyOf": [_integer(0), {"type": "string", "pattern": _PLACEHOLDER}]},
    "integer": lambda: _integer(*keys.RANGES["integer"]),
    "nice": lambda: _integer(*keys.RANGES["nice"]),
    "when": lambda: {"anyOf": [_BOOLEAN, {"type": "string", "pattern": _PLACEHOLDER}]},
    "seed": lambda: _integer(1, MAX_COUNT, "random"),
    "max_fail": lambda: _integer(1, MAX_COUNT, "none", "unlimited"),
    "limit": lambda: _integer(0, 2**53, "none", "unlimited"),
    "scratch": lambda: {"anyOf": [_BOOLEAN, _mapping("scratch")]},
    "first_error": lambda: _mapping("first_error"),
    "starts": lambda: _mapping("starts"),
    "metrics": lambda: _values({"anyOf": [_mapping("metrics"), {"type": "null"}]}),
    "expect": lambda: _mapping("expect"),
    "contracts": _contracts,
    "results": _results,
    "silence": lambda: {"anyOf": [_DURATION, _mapping("silence")]},
    "quarantine": lambda: _mapping("quarantine"),
    "retries": lambda: {"anyOf": [_integer(0, 1000), _mapping("retries")]},
    "retry_reasons": lambda: _list_of({"enum": list(keys.RETRY_REASONS)}, single=True),
    "limits": lambda: _mapping("limits"),
    "ulimit": _ulimits,
    "matrix": _matrix,
    "exclude": lambda: {"anyOf": [_values(_WORD), {"type": "array", "items": _values(_WORD)}]},
    "params": _params,
    "parsers": _parsers,
    "runner": _runner,
    "values": lambda: {"type": "object"},
    "hooks": lambda: _mapping("hooks"),
    "artefacts": lambda: _mapping("artefacts"),
    "products": lambda: _values({"anyOf": [_WORD, _mapping("products")]}),
    "consumptions": _consumptions,
    "log_files": lambda: _list_of(_WORD, single=True),
    "globs": lambda: _list_of(_WORD, single=True),
    "causes": lambda: _list_of(_mapping("causes"), single=False),
}
