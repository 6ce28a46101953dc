"""What `--label` takes."""

import pytest

from gator.cli.options.labels import MAX_NAME, MAX_VALUE, labels_of
from gator.errors import UsageError


def test_labels_are_names_and_values_of_which_the_last_counts() -> None:
    long = f"{'n' * MAX_NAME}={'v' * MAX_VALUE}"
    assert labels_of(["a=1", " a =100%=x", "b=", long]) == {
        "a": "100%=x",
        "b": "",
        "n" * MAX_NAME: "v" * MAX_VALUE,
    }


@pytest.mark.parametrize("text", ["a", "=b", f"{'n' * (MAX_NAME + 1)}=", f"a={'v' * (MAX_VALUE + 1)}"])
def test_text_that_is_not_a_label_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--label"):
        labels_of([text])
