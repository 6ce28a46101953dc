from collections.abc import Iterator

import pytest

from tests.component.console.support import FakeTerminal


@pytest.fixture
def terminal() -> Iterator[FakeTerminal]:
    made = FakeTerminal()
    yield made
    made.close()
