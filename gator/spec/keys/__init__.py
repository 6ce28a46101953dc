"""The keys of the spec language, as one table from which loader, JSON Schema and inheritance are made.

A key is one entry here and one field of the protos. Its type names the functions that read a value
(`builders.settings` and others) and describe it (`schema`), so a key of an existing type needs no other code.
`CONTRIBUTING.md` has the steps.
"""

from gator.spec.keys.entry import (
    ARRAY,
    GROUP,
    JOB,
    KINDS,
    Inheritance,
    Key,
)
from gator.spec.keys.mappings import (
    SUB_KEYS,
)
from gator.spec.keys.nodes import (
    DEFERRED,
    KEYS_OF,
    LATER,
    NODE_KEYS,
    ROOT_AT_ONCE,
    WITHOUT_MATRIX,
)
from gator.spec.keys.values import (
    ENTRY_KEYS,
    ENTRY_PATTERNS,
    FLAKY_MODES,
    FORMS,
    JOBSERVER_FORMS,
    KEEPS,
    MATCHER_SUFFIXES,
    MATCHERS,
    MAX_LABEL_NAME,
    MAX_LABEL_VALUE,
    MAX_LOG_FILES,
    METRIC_KINDS,
    PARAM_TYPES,
    PARSER_KEYS,
    PARSERS,
    RANGES,
    RESULT_FORMATS,
    RETRY_REASONS,
    STDERR_MODES,
    ULIMITS,
    WHENS,
    is_parser_file,
)

__all__ = [
    "ARRAY",
    "DEFERRED",
    "ENTRY_KEYS",
    "ENTRY_PATTERNS",
    "FLAKY_MODES",
    "FORMS",
    "GROUP",
    "JOB",
    "JOBSERVER_FORMS",
    "KEEPS",
    "KEYS_OF",
    "KINDS",
    "LATER",
    "MATCHERS",
    "MATCHER_SUFFIXES",
    "MAX_LABEL_NAME",
    "MAX_LABEL_VALUE",
    "MAX_LOG_FILES",
    "METRIC_KINDS",
    "NODE_KEYS",
    "PARAM_TYPES",
    "PARSERS",
    "PARSER_KEYS",
    "RANGES",
    "RESULT_FORMATS",
    "RETRY_REASONS",
    "ROOT_AT_ONCE",
    "STDERR_MODES",
    "SUB_KEYS",
    "ULIMITS",
    "WHENS",
    "WITHOUT_MATRIX",
    "Inheritance",
    "Key",
    "is_parser_file",
]
