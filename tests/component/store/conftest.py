import pytest

from tests.component.store.support import Turns


@pytest.fixture
def turns() -> Turns:
    return Turns()
