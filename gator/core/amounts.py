"""How spans of time and numbers of things are written for people, by the terminal and by every command.

The rule: a span has at most two units, written as a spec takes them, so that what is shown can be typed.
"""

_MAX_HOURS = 48


def span(nanos: int) -> str:
    """A span as exactly as it matters: `0.42s`, `12.3s`, `4m05s`, `2h07m`, `3d04h`."""
    seconds = nanos / 1e9
    if seconds < 9.995:
        return f"{seconds:.2f}s"
    return f"{seconds:.1f}s" if seconds < 59.95 else whole_span(seconds)


def whole_span(seconds: float) -> str:
    """A span in whole seconds, for what is looked at while it goes on: `0s`, `12s`, `4m05s`, `2h07m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < _MAX_HOURS:
        return f"{hours}h{minutes:02}m"
    return f"{hours // 24}d{hours % 24:02}h"


def plural(number: int, noun: str) -> str:
    """`1 job`, `3 jobs`, `2,000 jobs`."""
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"
