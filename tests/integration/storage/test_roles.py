"""The reader cannot write, and the console's role cannot touch the books."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction
from sqlalchemy import text

from storage.engine import open_engine
from storage.migrate import migrate
from storage.rights import CONSOLE_ROLE, READER_ROLE
from storage.roles import grant_roles, url_as
from tests.conftest import PostgresServer

#: What the console's role may change; it may change nothing else.
CONSOLE_TABLES = {
    *("api_requests", "api_tokens", "sso_logins"),
    *("adjustments", "audit", "break_notes", "break_workflows", "console_sessions"),
    *("break_files", "break_mentions", "detail_requests", "recalls", "saved_views"),
    *(
        "correction_trials",
        "day_steps",
        "dispute_lines",
        "disputes",
        "feed_findings",
        "invoice_steps",
        "job_files",
        "jobs",
        "login_attempts",
        "notification_rules",
        "notifications",
        "password_codes",
        "passwords",
        "paused_queues",
        "write_offs",
    ),
}
SECRET = {
    *("passwords", "password_codes", "console_sessions", "login_attempts"),
    *("api_tokens", "api_requests", "sso_logins"),
}
_RIGHTS = """
SELECT c.relname, p.name FROM pg_class c
 CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'),
                    ('REFERENCES'), ('TRIGGER')) AS p (name)
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
   AND (has_table_privilege('{role}', c.oid, p.name)
        OR (p.name NOT IN ('DELETE', 'TRUNCATE', 'TRIGGER')
            AND has_any_column_privilege('{role}', c.oid, p.name)))
"""


@pytest.fixture
def owner(database: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def rights_of(
    owner: "psycopg.Connection[tuple[object, ...]]", role: str
) -> dict[str, set[str]]:
    """The rights of a role by table."""
    rights: dict[str, set[str]] = {}
    for table, right in owner.execute(_RIGHTS.format(role=role).encode()):
        rights.setdefault(str(table), set()).add(str(right))
    return rights


def test_the_reader_may_read_every_table_but_the_secret_ones_and_no_more(
    owner: "psycopg.Connection[tuple[object, ...]]",
) -> None:
    tables = {
        row[0]
        for row in owner.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'v')"
        )
    }
    rights = rights_of(owner, READER_ROLE)

    assert set(rights) == tables - SECRET
    assert {right for held in rights.values() for right in held} == {"SELECT"}


def test_the_console_writes_what_people_decide_and_nothing_of_the_books(
    owner: "psycopg.Connection[tuple[object, ...]]",
) -> None:
    rights = rights_of(owner, CONSOLE_ROLE)
    written = {table for table, held in rights.items() if held - {"SELECT"}}

    assert written == CONSOLE_TABLES
    assert {right for held in rights.values() for right in held} == {
        *("SELECT", "INSERT", "UPDATE", "DELETE")
    }


@pytest.mark.parametrize("login", [True, False])
def test_no_statement_of_the_reader_writes(database: str, *, login: bool) -> None:
    url = url_as(database, READER_ROLE, login=login)
    writes = "UPDATE break_workflows SET assignee = 'me'"
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (READER_ROLE,)
        refusals = (ReadOnlySqlTransaction, InsufficientPrivilege)
        with pytest.raises(refusals, match=r"permission|read-only"):
            connection.execute(writes)
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(InsufficientPrivilege, match="permission denied"):
            connection.execute(writes)
        with pytest.raises(InsufficientPrivilege, match="permission denied"):
            connection.execute("CREATE TABLE mine (a int)")
        for hidden in ("SELECT * FROM passwords", "SELECT token_hash FROM people"):
            with pytest.raises(InsufficientPrivilege, match="permission denied"):
                connection.execute(hidden)


def test_a_role_that_logged_in_as_itself_cannot_become_the_owner(database: str) -> None:
    for role in (READER_ROLE, CONSOLE_ROLE):
        with psycopg.connect(url_as(database, role, login=True), autocommit=True) as connection:
            connection.execute("RESET ROLE")
            assert connection.execute("SELECT current_user").fetchone() == (role,)
            with pytest.raises(InsufficientPrivilege, match="permission denied to set role"):
                connection.execute("SET ROLE tieout")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE wallets SET balance = 0",
        "INSERT INTO operations DEFAULT VALUES",
        "INSERT INTO entries DEFAULT VALUES",
        "UPDATE rounds SET stake = 0",
        "DELETE FROM feed_records",
        "UPDATE adjustments SET op_key = id",
        "UPDATE adjustments SET amount = 1",
        "INSERT INTO residuals DEFAULT VALUES",
        "UPDATE people SET roles = '{admin}'",
        "UPDATE day_closes SET ends_at = now()",
        "DELETE FROM audit",
        "UPDATE breaks SET difference = 0",
        "UPDATE listed_breaks SET state = 'closed'",
        "UPDATE jobs SET state = 'running', runner = 'me', started_at = now()",
        "UPDATE jobs SET result = '{}'",
        "INSERT INTO jobs (state) VALUES ('running')",
        "INSERT INTO job_files (direction) VALUES ('out')",
        "DELETE FROM jobs",
        "DELETE FROM job_files",
    ],
)
def test_the_console_cannot_touch_the_books(database: str, statement: str) -> None:
    url = url_as(database, CONSOLE_ROLE, login=True)
    with (
        psycopg.connect(url) as connection,
        pytest.raises(InsufficientPrivilege, match="permission denied"),
    ):
        connection.execute(statement.encode())


def test_only_the_console_may_call_what_gives_parked_work_back(database: str) -> None:
    call = b"SELECT requeue_parked(ARRAY[]::bigint[], ARRAY[]::integer[])"
    with psycopg.connect(url_as(database, CONSOLE_ROLE, login=True)) as connection:
        assert connection.execute(call).fetchall() == []
    with (
        psycopg.connect(url_as(database, READER_ROLE, login=True)) as connection,
        pytest.raises(InsufficientPrivilege, match="permission denied for function"),
    ):
        connection.execute(call)


def test_migrating_again_grants_nothing_anew_but_what_is_missing(database: str) -> None:
    engine = open_engine(database)
    try:
        with engine.begin() as connection:
            connection.execute(text("REVOKE ALL ON rounds FROM tieout_reader"))
        migrate(engine)
        with engine.begin() as connection:
            query = "SELECT has_table_privilege('tieout_reader', 'rounds', 'SELECT')"
            assert connection.execute(text(query)).scalar_one()
    finally:
        engine.dispose()


def test_a_database_role_that_may_not_grant_is_no_failure(database: str) -> None:
    with psycopg.connect(database) as connection_:
        connection_.execute("REVOKE SELECT ON rounds FROM tieout_reader")
    engine = open_engine(url_as(database, READER_ROLE, login=True))
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SET TRANSACTION READ WRITE")
            assert not grant_roles(connection)
    finally:
        engine.dispose()


def test_whoever_created_the_roles_may_become_them(
    postgres: PostgresServer, database: str
) -> None:
    """PostgreSQL makes the creator of a role a member that may grant it, and not become it."""
    postgres.execute("CREATE ROLE builder LOGIN")
    for role in (READER_ROLE, CONSOLE_ROLE):
        postgres.execute(f"GRANT {role} TO builder WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
    url = database.replace("tieout@", "builder@")
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            assert grant_roles(connection)
        with psycopg.connect(url_as(url, CONSOLE_ROLE, login=False)) as connection_:
            assert connection_.execute("SELECT current_user").fetchone() == (CONSOLE_ROLE,)
    finally:
        engine.dispose()
