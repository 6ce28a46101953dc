"""Mistakes in the YAML itself are told in words of specs, with their place."""

import pytest

from gator.errors import SpecError
from gator.spec import load


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "!JobGroup\nident: top\njobs:\n!Job\n  ident: a\n",
            "x.yaml:4:1: 'jobs' must be a list: put '- ' before each child",
        ),
        (
            "!JobGroup\njobs:\n  !Job\n    ident: a\n",
            "x.yaml:3:3: 'jobs' must be a list: put '- ' before each child",
        ),
        (
            "!Job\ncommand: x\nresources: [!License]\n",
            "x.yaml:3:12: !License runs into ]: put a space or a value between them, such as !License NAME",
        ),
    ],
)
def test_a_slip_is_explained(text: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(text, file="x.yaml")
    assert str(caught.value).splitlines()[0] == said
