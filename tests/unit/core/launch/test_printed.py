"""Words as they are printed for a shell."""

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from gator.core.launch.printed import quoted_words


def test_control_characters_are_quoted_on_one_line() -> None:
    assert quoted_words(["python3", "-c", "import x\nprint('a')"]) == r"python3 -c $'import x\nprint(\'a\')'"


@settings(max_examples=20)
@given(st.text(st.sampled_from("a1'\"\\$`\n\t\x1b\x7f é "), min_size=1, max_size=8))
def test_bash_reads_what_was_quoted(word: str) -> None:
    line = f"printf %s {quoted_words([word])}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    assert done.stdout.decode() == word
    assert "\n" not in line
