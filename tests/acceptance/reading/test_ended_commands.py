"""Commands that ask a live run or a hub end at once when they are told to, whatever they do just then."""

import pytest

from tests.benchmarks.reading_exit_stress import COMMANDS, Rules, run


@pytest.mark.timeout(300)
def test_commands_that_ask_a_live_run_or_a_hub_neither_hang_nor_show_a_traceback() -> None:
    assert run(len(COMMANDS), Rules(at_once=4, limit=60)) == 0
