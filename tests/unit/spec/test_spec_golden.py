"""Each wrong spec in tests/golden/specs is refused with exactly the messages in the text beside it."""

from pathlib import Path

import pytest

from gator.errors import SpecError
from gator.spec import load

FOLDER = Path(__file__).parents[2] / "golden" / "specs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_spec_is_refused_with_these_messages(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_bytes()
    with pytest.raises(SpecError) as caught:
        load(text, file=f"{name}.yaml", read=lambda path: (FOLDER / path).read_bytes())
    assert f"{caught.value}\n" == (FOLDER / f"{name}.txt").read_text()


def test_there_are_messages_for_every_wrong_spec_and_no_others() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == NAMES
    assert len(NAMES) > 80
