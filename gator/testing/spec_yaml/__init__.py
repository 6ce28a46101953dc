"""Writes a `Spec` as YAML.

`dump` writes the tree. `writers` has a function for each type of value; those of types that have a form of
their own are in `mappings` and `recognition`. `scalars` writes strings and collections.

Invariant: loading the YAML gives the same message, except for positions. Every text is quoted unless it is
a plain word without a special meaning in YAML.
"""

from gator.testing.spec_yaml.dump import dump
from gator.testing.spec_yaml.writers import WRITERS

__all__ = ["WRITERS", "dump"]
