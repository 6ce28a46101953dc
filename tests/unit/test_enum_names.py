import pytest

from gator.enum_names import enum_name, enum_value
from gator.v1 import common_pb2


def test_a_value_has_the_name_without_the_prefix_of_its_enum() -> None:
    assert enum_name(common_pb2.NodeKind.DESCRIPTOR, common_pb2.NODE_KIND_GROUP) == "group"


def test_zero_and_values_of_newer_versions_have_no_name() -> None:
    assert enum_name(common_pb2.Outcome.DESCRIPTOR, 0) == ""
    assert enum_name(common_pb2.Outcome.DESCRIPTOR, 1000) == ""


def test_a_name_is_found_in_any_case() -> None:
    assert enum_value(common_pb2.Severity, "Warning") == common_pb2.SEVERITY_WARNING


@pytest.mark.parametrize("name", ["unspecified", "", "fatal"])
def test_another_name_is_refused_with_the_list_of_names(name: str) -> None:
    with pytest.raises(ValueError, match=r"is not one of debug, info, warning, error, critical"):
        enum_value(common_pb2.Severity, name)
