"""Words that bash breaks at colons and equals signs, put together again."""

import pytest

from gator.cli.completion import put_together


@pytest.mark.parametrize(
    ("pieces", "words", "done"),
    [
        (["logs", "-r", "hub", ":"], ["logs", "-r", "hub:"], "hub:"),
        (["logs", "-r", "hub", ":", "ab"], ["logs", "-r", "hub:ab"], "hub:"),
        (["logs", "-r", "hub", ":", ""], ["logs", "-r", "hub:", ""], ""),
        (["logs", "-r", "hub:ab"], ["logs", "-r", "hub:ab"], ""),
        (["logs", "--run", "=", "hub", ":", "ab"], ["logs", "--run=hub:ab"], "hub:"),
        (["logs", "--run", "=", "ab"], ["logs", "--run=ab"], ""),
        (["logs", "--run", "="], ["logs", "--run="], ""),
        (["grep", "a", "=", "b"], ["grep", "a", "=", "b"], ""),
        (["diff", "hub", ":", "a", "hub", ":", "b"], ["diff", "hub:a", "hub:b"], "hub:"),
        (["show", "a", ":", "b", ":", "c"], ["show", "a:b:c"], "a:b:"),
        (["logs", ""], ["logs", ""], ""),
        (["run", "--skip", "@"], ["run", "--skip", "@"], ""),
        (["run", "--skip", "@", "pa"], ["run", "--skip", "@pa"], ""),
        (["run", "--skip", "=@"], ["run", "--skip=@"], ""),
        (["run", "--skip", "=@", "pa"], ["run", "--skip=@pa"], ""),
        (["run", "--skip", "@", "passed", ""], ["run", "--skip", "@passed", ""], ""),
    ],
)
def test_pieces_become_the_words_that_were_typed(pieces: list[str], words: list[str], done: str) -> None:
    assert put_together(pieces) == (words, done)
