"""What `--label` takes."""

import pytest

from gator.cli.options.labels import labels_of
from gator.errors import UsageError
from gator.spec.keys import MAX_LABEL_NAME, MAX_LABEL_VALUE


def test_labels_are_names_and_values_of_which_the_last_counts() -> None:
    long = f"{'n' * MAX_LABEL_NAME}={'v' * MAX_LABEL_VALUE}"
    assert labels_of(["a=1", " a =100%=x", "b=", long]) == {
        "a": "100%=x",
        "b": "",
        "n" * MAX_LABEL_NAME: "v" * MAX_LABEL_VALUE,
    }


@pytest.mark.parametrize(
    "text", ["a", "=b", f"{'n' * (MAX_LABEL_NAME + 1)}=", f"a={'v' * (MAX_LABEL_VALUE + 1)}"]
)
def test_text_that_is_not_a_label_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--label"):
        labels_of([text])
