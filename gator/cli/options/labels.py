"""Labels of runs as values of options: NAME=VALUE."""

from collections.abc import Mapping, Sequence

from gator.errors import OptionError
from gator.spec.keys import MAX_LABEL_NAME, MAX_LABEL_VALUE


def label_of(text: str) -> tuple[str, str]:
    """Returns the name and value of a label. Raises UsageError if it is not NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise OptionError("--label", text, "must be NAME=VALUE")
    return name.strip(), value


def labels_of(texts: Sequence[str]) -> Mapping[str, str]:
    """Returns the labels by name; if a name is given twice, the last value counts.

    Raises UsageError if a label is not NAME=VALUE or is too long.
    """
    labels: dict[str, str] = {}
    for text in texts:
        name, value = label_of(text)
        if len(name) > MAX_LABEL_NAME or len(value) > MAX_LABEL_VALUE:
            raise OptionError(
                "--label",
                f"{text[:40]}…",
                f"the name must be at most {MAX_LABEL_NAME} characters long, "
                f"the value at most {MAX_LABEL_VALUE}",
            )
        labels[name] = value
    return labels
