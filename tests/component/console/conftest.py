from collections.abc import Iterator

import pytest

from tests.component.console.support import Terminal


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()
