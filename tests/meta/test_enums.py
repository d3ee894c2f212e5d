"""Closed sets that Python and PostgreSQL both know are the same on both sides."""

import re
from enum import StrEnum

import pytest

from ledger.enums import Account, OperationDecision, OperationKind, RoundStatus
from ledger.posting.chart import CHART
from tests.meta.tree import ROOT
from vocabulary.facts import Fund

TYPES: dict[str, type[StrEnum]] = {
    "operation_kind": OperationKind,
    "operation_decision": OperationDecision,
    "account_kind": Account,
    "fund_kind": Fund,
    "round_status": RoundStatus,
}


def enums(sql: str) -> dict[str, list[str]]:
    """Every enum type that the SQL creates, with its values in order, added ones last."""
    created = re.findall(r"CREATE TYPE (\w+) AS ENUM \(([^)]*)\)", sql)
    found = {name: re.findall(r"'([^']+)'", values) for name, values in created}
    for name, value in re.findall(r"ALTER TYPE (\w+) ADD VALUE '([^']+)'", sql):
        found[name].append(value)
    return found


def schema() -> str:
    """The baseline's SQL, then that of every later revision."""
    baseline = sorted(ROOT.glob("storage/schema/*.sql"))
    later = sorted(ROOT.glob("storage/migrations/versions/*"))
    return "\n".join(path.read_text() for path in [*baseline, *later] if path.is_file())


@pytest.mark.parametrize("name", TYPES)
def test_the_database_and_python_know_the_same_values(name: str) -> None:
    assert enums(schema())[name] == [member.value for member in TYPES[name]]


def test_no_enum_of_the_database_is_without_a_python_twin() -> None:
    assert set(enums(schema())) == set(TYPES)


def test_the_chart_of_accounts_says_something_about_every_account() -> None:
    assert list(CHART) == list(Account)
    assert all(line.meaning and line.per for line in CHART.values())


def test_an_enum_is_read_from_sql_as_it_is_written() -> None:
    assert enums("CREATE TYPE t AS ENUM (\n 'a',\n 'b'\n);") == {"t": ["a", "b"]}


def test_a_value_that_is_added_later_is_read_too() -> None:
    assert enums("CREATE TYPE t AS ENUM ('a'); ALTER TYPE t ADD VALUE 'b';") == {
        "t": ["a", "b"]
    }
