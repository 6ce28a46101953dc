"""Sizes as users write them: `2GB`, `1.5 GiB`, `512`. All values are bytes."""

import re

UNITS = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
"""Bytes by the name of a unit in capitals."""

SHOWN = "B, KB, MB, GB, TB, KiB, MiB, GiB, TiB"

_SIZE = re.compile(r"(0x[0-9a-f]+|[0-9]+(?:\.[0-9]+)?) *([a-z]*)", re.IGNORECASE)
_LARGEST = 2**63 - 1


def parse(text: str, unit: str = "MB") -> int:
    """Bytes of a size; `unit` is that of a bare number, in any case.

    Raises ValueError with a fragment of a sentence.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a size: write it as 2GB, 1.5GiB or 512")
    factor = UNITS.get((match[2] or unit).upper())
    if factor is None:
        raise ValueError(f"'{match[2] or unit}' is not a unit: use one of {SHOWN}")
    number = match[1].lower()
    if number.startswith("0x"):
        total = int(number, 16) * factor
    else:
        whole, _, fraction = number.partition(".")
        # Whole numbers all the way: a float would round 0.1 TB, and 9 PB to some other number.
        total = (int(whole + fraction) * factor) // 10 ** len(fraction)
    if total > _LARGEST:
        raise ValueError(f"'{text}' is more than any machine has")
    return total


def size_text(size_bytes: int) -> str:
    """Returns a number of bytes in decimal units, as every command prints it: `1.5 GB`."""
    value = float(size_bytes)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.4g} {unit}"
        value /= 1000
    return f"{value:.4g} TB"
