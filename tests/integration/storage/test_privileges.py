"""Each role tries to read, insert, update and delete rows of each table, and to go further.

The table in ``docs/privileges.md`` is what the tries find. Nothing is kept: each try is a
savepoint of a transaction that is rolled back.
"""

import re
from collections.abc import Iterator, Mapping

import psycopg
import pytest
from psycopg.errors import (
    InsufficientPrivilege,
    ObjectNotInPrerequisiteState,
    RestrictViolation,
    WrongObjectType,
)

from storage.rights import (
    APPLICATION_ROLE,
    CONSOLE_ROLE,
    OWNER_ROLE,
    READER_ROLE,
    RECEIVER_ROLE,
    RIGHTS,
)
from storage.roles import url_of_login
from tests.conftest import TEMPLATE, PostgresServer
from tests.meta.tree import ROOT

Database = psycopg.Connection[tuple[str, ...]]
ROLES = (APPLICATION_ROLE, RECEIVER_ROLE, READER_ROLE, CONSOLE_ROLE)
DOCUMENT = ROOT / "docs/privileges.md"
_COLUMNS = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
   AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
   AND a.attidentity <> 'a'
 GROUP BY c.relname ORDER BY c.relname
"""
_GRANTED = """
SELECT a.attname::text FROM pg_attribute a, aclexplode(a.attacl) r
 WHERE a.attrelid = %s::regclass AND r.privilege_type = %s
   AND r.grantee = (SELECT oid FROM pg_roles WHERE rolname = current_user)
"""
KINDS = {"S": "SELECT", "I": "INSERT", "U": "UPDATE", "D": "DELETE"}
#: Statements that change no row, by the letter of their right.
TRIES: Mapping[str, str] = {
    "S": "SELECT {columns} FROM {table} LIMIT 0",
    "I": "INSERT INTO {table} ({columns}) SELECT {nulls} WHERE false",
    "U": "UPDATE {table} SET {defaults} WHERE false",
    "D": "DELETE FROM {table} WHERE false",
}
CREATE_TRIGGER = """
CREATE TRIGGER mine BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""


@pytest.fixture(scope="module")
def columns(postgres: PostgresServer) -> dict[str, list[str]]:
    with psycopg.connect(postgres.url(TEMPLATE)) as connection:
        return dict(connection.execute(_COLUMNS).fetchall())


def may(connection: Database, statement: str) -> bool:
    """Whether a statement is allowed; a guard that refuses it comes after the right to it."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement.encode())
    except (InsufficientPrivilege, ObjectNotInPrerequisiteState, WrongObjectType):
        return False  # the latter two: a view
    except RestrictViolation:
        return True
    return True


def cell(connection: Database, table: str, columns: list[str]) -> str:
    """The rights of a role to a table: a letter each, small if to some columns only."""
    letters = ""
    for letter, statement in TRIES.items():
        if may(connection, render(statement, table, columns)):
            letters += letter
        elif any(
            may(connection, render(statement, table, [column]))
            for column in granted_columns(connection, table, letter)
        ):
            letters += letter.lower()
    return letters


def granted_columns(connection: Database, table: str, letter: str) -> list[str]:
    """The columns with a grant of their own: what else is worth a try."""
    rows = connection.execute(_GRANTED, (table, KINDS[letter])).fetchall()
    return [row[0] for row in rows]


def render(statement: str, table: str, columns: list[str]) -> str:
    return statement.format(
        table=table,
        columns=", ".join(columns),
        nulls=", ".join(["NULL"] * len(columns)),
        defaults=", ".join(f"{column} = DEFAULT" for column in columns),
    )


def documented() -> dict[str, tuple[str, ...]]:
    """The rows of the table in the document."""
    rows = re.findall(
        r"^\| `(\w+)` \|((?: [SIUDsiud]* \|){4})$", DOCUMENT.read_text(), re.MULTILINE
    )
    return {name: tuple(part.strip() for part in cells.split("|")[:4]) for name, cells in rows}


@pytest.fixture(scope="module")
def connections(postgres: PostgresServer) -> Iterator[dict[str, Database]]:
    opened = {
        role: psycopg.connect(url_of_login(postgres.url(TEMPLATE), role)) for role in ROLES
    }
    yield opened
    for connection in opened.values():
        connection.close()


def test_each_role_may_do_with_each_table_what_the_document_says(
    connections: dict[str, Database], columns: dict[str, list[str]]
) -> None:
    tried = {
        table: tuple(cell(connections[role], table, names) for role in ROLES)
        for table, names in columns.items()
    }

    rows = "\n".join(f"| `{table}` | {' | '.join(cells)} |" for table, cells in tried.items())
    assert documented() == tried, f"{DOCUMENT.name} should say:\n{rows}"


def test_no_role_can_disable_a_guard_or_change_the_schema(
    connections: dict[str, Database], columns: dict[str, list[str]]
) -> None:
    for role in RIGHTS:
        for statement in (
            "SET session_replication_role = replica",
            f"SET ROLE {OWNER_ROLE}",
            "CREATE TABLE mine (a int)",
            "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "ALTER FUNCTION refuse_change() OWNER TO CURRENT_USER",
            "DROP TABLE operations CASCADE",
            *(f"SET ROLE {other}" for other in RIGHTS if other != role),
        ):
            assert not may(connections[role], statement), (role, statement)
        for table in columns:
            for statement in (
                f"TRUNCATE {table}",
                f"ALTER TABLE {table} DISABLE TRIGGER ALL",
                CREATE_TRIGGER.format(table=table),
            ):
                assert not may(connections[role], statement), (role, statement)
