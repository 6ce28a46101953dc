"""The seed of every instance: a pure function of the root's seed and the path, for ever the same.

Let the nearest node above (or the node itself) with a seed of its own be the base; the root always is one.
The key is what stands in the path after the ident of the base: its own index if it repeats, and all that
follows, such as `counting/echo_count[2]` below the root or `[3]/sim` below a repeated base. With an empty
key the seed is the base's own. Otherwise it is 1 + h mod (2^31 - 1), where h is the big-endian number of
the 8-byte BLAKE2b digest (RFC 7693) of the UTF-8 text "<seed of the base>:<key>". No other node plays a
part, so adding, filtering or reordering changes no seed.
"""

from collections.abc import Mapping
from hashlib import blake2b

from msgspec import Struct

from gator.node_paths import parent_of, template_of

LARGEST = 2**31 - 1


def derive(seed: int, key: str) -> int:
    """Seed, 1 to 2^31-1, of what has this key below a base with this seed."""
    if not key:
        return seed
    return 1 + int.from_bytes(blake2b(f"{seed}:{key}".encode(), digest_size=8).digest(), "big") % LARGEST


class Seeds(Struct, frozen=True):
    """The seeds of a plan."""

    root: int
    """Seed of the root."""
    written: Mapping[str, int]
    """Seeds given in the spec, by template path, without the root."""
    asked: Mapping[str, int]
    """Seeds given with the request, by instance path or by template path."""

    def of(self, path: str) -> int:
        """Seed of an instance, by its path with indices."""
        if self.written or self.asked:
            base = path
            while "/" in base:
                seed = self._own(base, path)
                if seed is not None:
                    return seed
                base = parent_of(base)
        return derive(self.asked.get(path.partition("/")[0], self.root), path.partition("/")[2])

    def _own(self, base: str, path: str) -> int | None:
        """Seed of `path` if `base`, at or above it, has a seed of its own."""
        if base in self.asked:
            return derive(self.asked[base], path[len(base) + 1 :])
        template = template_of(base)
        seed = self.asked.get(template, self.written.get(template))
        if seed is None:
            return None
        parent = parent_of(base)
        ident = template.rpartition("/")[2]
        return derive(seed, path[len(parent) + 1 + len(ident) :].removeprefix("/"))
