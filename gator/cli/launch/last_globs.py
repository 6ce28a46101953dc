"""Words in the place of a glob that mean what came of the last run. Rule: to know them asks nobody."""

from typing import Final

import typer

FAILED: Final = "@failed"
"""For `--only`: the jobs that failed or were lost."""
PASSED: Final = "@passed"
"""For `--skip`: what passed."""


def complete_only(incomplete: str) -> list[tuple[str, str]]:
    """What a shell offers after `--only`."""
    return [(FAILED, "what failed in the last run")] if FAILED.startswith(incomplete) else []


def complete_skip(incomplete: str) -> list[tuple[str, str]]:
    """What a shell offers after `--skip`."""
    return [(PASSED, "what passed in the last run")] if PASSED.startswith(incomplete) else []


def complete_repeat(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Returns the completions of `--repeat`."""
    # Imported late: only reading commands need it.
    from gator.cli.sources.options import complete_run

    return complete_run(ctx, incomplete)
