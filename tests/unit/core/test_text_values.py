"""Long values in errors are shortened."""

import pytest

from gator.core.text import MAX_VALUE, shorten_values


@pytest.mark.parametrize(
    "error",
    ["--outcome takes passed, not '{}'", "there is no node {}: see gator tree -r /runs/one", 'no file "{}"'],
)
def test_a_long_value_is_cut_and_its_length_told(error: str) -> None:
    shown = shorten_values(error.format("x" * 5000))
    assert "x" * 100 + "… (5,000 characters)" in shown
    assert len(shown) < MAX_VALUE
    assert shown.endswith(error.rpartition("{}")[2])


def test_paths_and_commands_of_usual_length_stay_whole() -> None:
    error = f"there is no node 'x' in top: see gator tree -r /{'folder/' * 60}run"
    assert shorten_values(error) == error


def test_a_long_value_of_many_words_is_cut_too() -> None:
    shown = shorten_values(f"--since {'a b ' * 5000}: no duration: write 2d")
    assert len(shown) < 3100
    assert shown.endswith("write 2d")
