"""Derives the seed of every instance from the seed of the root and the path.

The base is the nearest node with a seed of its own, from the node itself upwards; the root always has one.
The key is the rest of the path after the ident of the base: its index if it repeats, and everything below,
such as `counting/echo_count[2]` below the root or `[3]/sim` below a repeated base. With an empty key the
seed is that of the base. Otherwise it is 1 + h mod (2^31 - 1), where h is the big-endian number of the
8-byte BLAKE2b digest (RFC 7693) of the UTF-8 text "<seed of the base>:<key>". In the key the values of a
matrix are sorted by their names: `sim[mode=x,test=a,3]`.

Invariant: no other node influences a seed, so adding, selecting or reordering nodes changes no seed.
"""

import re
from collections.abc import Mapping
from hashlib import blake2b

from msgspec import Struct

from gator.node_paths import parent_of, template_of

MAX_SEED = 2**31 - 1
_LABEL = re.compile(r"\[([^\]/]*=[^\]/]*)\]")


def derive(seed: int, key: str) -> int:
    """Returns the seed, 1 to 2^31-1, for a key below a base with this seed."""
    if not key:
        return seed
    if "=" in key:
        key = _LABEL.sub(_sorted, key)
    return 1 + int.from_bytes(blake2b(f"{seed}:{key}".encode(), digest_size=8).digest(), "big") % MAX_SEED


def _sorted(label: re.Match[str]) -> str:
    """Returns the name of an instance of a matrix with its values sorted by their names."""
    parts = label[1].split(",")
    values = sorted(part for part in parts if "=" in part)
    return f"[{','.join((*values, *(part for part in parts if '=' not in part)))}]"


def reseeded(seed: int, failures: int) -> int:
    """Returns the seed of an attempt after this number of failed ones, for a job with this seed."""
    return derive(seed, f"retry {failures}") if failures else seed


class Seeds(Struct, frozen=True):
    """The seeds of a plan."""

    root: int
    """Seed of the root."""
    written: Mapping[str, int]
    """Seeds from the spec, by template path, without the root."""
    asked: Mapping[str, int]
    """Seeds from the request, by instance path or template path."""

    def of(self, path: str) -> int:
        """Returns the seed of an instance, by its path with indices."""
        if self.written or self.asked:
            base = path
            while "/" in base:
                seed = self._own(base, path)
                if seed is not None:
                    return seed
                base = parent_of(base)
        return derive(self.asked.get(path.partition("/")[0], self.root), path.partition("/")[2])

    def _own(self, base: str, path: str) -> int | None:
        """Returns the seed of `path` if `base`, at or above it, has a seed of its own; else None."""
        if base in self.asked:
            return derive(self.asked[base], path[len(base) + 1 :])
        template = template_of(base)
        seed = self.asked.get(template, self.written.get(template))
        if seed is None:
            return None
        parent = parent_of(base)
        ident = template.rpartition("/")[2]
        return derive(seed, path[len(parent) + 1 + len(ident) :].removeprefix("/"))
