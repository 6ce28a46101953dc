"""The table in the comment of ParentService and the table in the code are the same."""

import re
from pathlib import Path

from gator.link import roles
from gator.v1 import attach_pb2

PROTO = Path(__file__).parents[3] / "protos" / "gator" / "v1" / "parent_service.proto"
COLUMNS = (attach_pb2.ROLE_CLIENT, attach_pb2.ROLE_WRAPPERS, attach_pb2.ROLE_TIER, attach_pb2.ROLE_ROOT)


def written_tables() -> list[dict[str, frozenset[attach_pb2.Role.ValueType]]]:
    tables: list[dict[str, frozenset[attach_pb2.Role.ValueType]]] = []
    for line in PROTO.read_text().splitlines():
        cells = [cell.strip() for cell in line.removeprefix("//").strip(" |").split("|")]
        if cells[0] == "message":
            assert cells[1:] == [attach_pb2.Role.Name(role).removeprefix("ROLE_") for role in COLUMNS]
            tables.append({})
        elif len(cells) == 5 and not cells[0].startswith("-"):
            names = [name.strip() for name in cells[0].split(",")]
            for name in names:
                if name.startswith("_"):
                    name = re.sub("_.*", "", names[0]) + name
                tables[-1][name] = frozenset(
                    role for role, cell in zip(COLUMNS, cells[1:], strict=True) if cell == "yes"
                )
    return tables


def test_the_tables_are_those_of_the_schema() -> None:
    assert [dict(roles.CHILD_MAY), dict(roles.PARENT_MAY)] == written_tables()


def test_the_tables_name_every_message() -> None:
    assert {field.name for field in attach_pb2.AttachRequest.DESCRIPTOR.fields} == {"hello", *roles.CHILD_MAY}
    assert {field.name for field in attach_pb2.AttachResponse.DESCRIPTOR.fields} == {
        "welcome",
        *roles.PARENT_MAY,
    }
