"""Closed sets that Python and PostgreSQL both know are the same on both sides."""

import re
from enum import StrEnum

import pytest

from ledger.kinds import Account, OperationDecision, OperationKind
from tests.meta.tree import ROOT

TYPES: dict[str, type[StrEnum]] = {
    "operation_kind": OperationKind,
    "operation_decision": OperationDecision,
    "account_kind": Account,
}


def enums(sql: str) -> dict[str, list[str]]:
    """Every enum type a migration creates, with its values in order."""
    found = re.findall(r"CREATE TYPE (\w+) AS ENUM \(([^)]*)\)", sql)
    return {name: re.findall(r"'([^']+)'", values) for name, values in found}


def migrations() -> str:
    return "\n".join(
        path.read_text() for path in sorted((ROOT / "storage/migrations").glob("*.sql"))
    )


@pytest.mark.parametrize("name", TYPES)
def test_the_database_and_python_know_the_same_values(name: str) -> None:
    assert enums(migrations())[name] == [member.value for member in TYPES[name]]


def test_no_enum_of_the_database_is_without_a_python_twin() -> None:
    assert set(enums(migrations())) == set(TYPES)


def test_an_enum_is_read_from_sql_as_it_is_written() -> None:
    assert enums("CREATE TYPE t AS ENUM (\n 'a',\n 'b'\n);") == {"t": ["a", "b"]}
