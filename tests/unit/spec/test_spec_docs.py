"""The pages about specs are true: what they show loads, and they name every key."""

import re
from pathlib import Path

import pytest

from gator.spec import load
from gator.spec.interpolation import PLACEHOLDERS
from gator.spec.keys import KEEPS, NODE_KEYS, STDERR_MODES, SUB_KEYS

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLES = [
    (page, number, text)
    for page in ("spec.md", "migration.md")
    for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL))
]


@pytest.mark.parametrize(("page", "number", "text"), EXAMPLES)
def test_an_example_loads_without_a_warning(page: str, number: int, text: str) -> None:
    assert load(text, file=f"{page}-{number}.yaml").warnings == ()


@pytest.mark.parametrize("name", [*NODE_KEYS, *(key.name for keys in SUB_KEYS.values() for key in keys)])
def test_a_key_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in (DOCS / "spec.md").read_text()


@pytest.mark.parametrize("word", [*STDERR_MODES, *KEEPS, *PLACEHOLDERS])
def test_a_word_is_on_the_page(word: str) -> None:
    page = (DOCS / "spec.md").read_text()
    assert f"`{word}`" in page or f"{word}," in page
