"""Loads whole files: a spec with its includes, a gator.toml, and a file with a parser.

`loader` composes and builds specs, `config_file` reads a gator.toml, and `parser_file` a file with a
parser. They join the readers of syntax (`spec.yaml`, `spec.toml`) with `spec.builders`, which reads the
keys.

Invariant: every problem of a file is reported at once, and a program is started only by the function that
the caller passes for it.

Other packages call the functions of `gator.spec`, which imports the module that a call needs.
"""
