"""Writes a `Spec` as YAML.

`dump` writes the tree, and `written_keys` the keys of one node. `writers` has a function for each type of
value; those of types that have a form of their own are in `mappings` and `recognition`. `scalars` writes
strings and collections.

Invariant: loading the YAML gives the same message, except for positions. Every text is quoted unless it is
a plain word without a special meaning in YAML.
"""

from gator.spec.dump.tree import dump, written_keys
from gator.spec.dump.writers import WRITERS

__all__ = ["WRITERS", "dump", "written_keys"]
