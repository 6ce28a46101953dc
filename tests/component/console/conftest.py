import io
from collections.abc import Iterator

import pytest

from gator.console.plain import PlainDisplay
from gator.console.terminal import Terminal
from tests.component.console.support import FakeRun, FakeTerminal, Make, info


@pytest.fixture
def terminal() -> Iterator[FakeTerminal]:
    made = FakeTerminal()
    yield made
    made.close()


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def make(out: io.StringIO) -> Make:
    def plain(*, quiet: bool = False, verbose: bool = False, all_messages: bool = False, jobs: int = 100):
        made = PlainDisplay(
            Terminal(out, colour=False), quiet=quiet, verbose=verbose, all_messages=all_messages
        )
        made.on_start(info(jobs), FakeRun(waiting=jobs))
        return made

    return plain
