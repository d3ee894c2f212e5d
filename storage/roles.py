"""Database roles with fewer rights than the owner of the tables; ``storage.rights`` lists them.

The application's role runs workers, scheduler and commands, the receiver's role receivers, the
console's role and the reader the console. None of them owns anything, so none can change the
schema, disable a guard or empty a table.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import structlog
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import ProgrammingError

from storage.rights import CONSOLE_ROLE, READER_ROLE, RIGHTS, table_rights

#: Longest time that one statement of the reader or the console may take, in milliseconds.
STATEMENT_TIMEOUT_MS = 15_000

_EXISTS = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)"
# From PostgreSQL 16 on, whoever creates a role is a member that may not become it.
_MAY_BECOME = """
SELECT pg_has_role(current_user, :role,
                   CASE WHEN current_setting('server_version_num')::integer >= 160000
                        THEN 'SET' ELSE 'MEMBER' END)
"""
_TABLES = """
SELECT relname FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v')
   AND NOT relispartition
"""
# Granting what is granted already would rewrite rows of the catalogue at every start.
_MISSING = """
SELECT w.name, w.kind, array_agg(w.columns ORDER BY w.n) FILTER (WHERE w.columns <> '')
  FROM unnest(CAST(:names AS text[]), CAST(:kinds AS text[]), CAST(:columns AS text[]))
       WITH ORDINALITY AS w (name, kind, columns, n)
 WHERE NOT CASE WHEN w.columns = ''
                THEN has_table_privilege(CAST(:role AS name), w.name, w.kind)
                ELSE has_column_privilege(CAST(:role AS name), w.name, w.columns, w.kind) END
 GROUP BY w.name, w.kind ORDER BY w.name, w.kind
"""
_MAY_CALL = "SELECT has_function_privilege(CAST(:role AS name), :function, 'EXECUTE')"
_MAY_COUNT = """
SELECT has_sequence_privilege(CAST(:role AS name), :sequence, 'USAGE')
   AND has_sequence_privilege(CAST(:role AS name), :sequence, 'SELECT')
"""
_MAY_USE = "SELECT has_schema_privilege(CAST(:role AS name), current_schema(), 'USAGE')"
_SCHEMA = "SELECT quote_ident(current_schema())"
# Databases from before PostgreSQL 15 let everybody create tables.
_EVERYBODY_CREATES = """
SELECT EXISTS (SELECT FROM pg_namespace n, aclexplode(n.nspacl) a
                WHERE n.nspname = current_schema() AND a.grantee = 0
                  AND a.privilege_type = 'CREATE')
"""
_POSITION = """
SELECT current_user AS role,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
       ARRAY(SELECT relname FROM pg_class
              WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
                AND pg_has_role(current_user, relowner, 'USAGE') ORDER BY relname) AS owned
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePosition:
    """Who a connection is to the tables.

    Attributes:
        role: the database role.
        is_superuser: no right is refused to it.
        owned: the tables that it owns, itself or as a member of their owner.
    """

    role: str
    is_superuser: bool
    owned: tuple[str, ...]

    @property
    def can_disable_guards(self) -> bool:
        """Whether it can change what is evidence."""
        return self.is_superuser or bool(self.owned)


def grant_roles(connection: Connection) -> bool:
    """Create the roles and give them their rights, as far as the database's role may.

    Returns:
        Whether it may; if not, an administrator of the database has to.
    """
    reason = _refusal(connection, _create_and_grant)
    if reason:
        log.warning("roles_not_granted", roles=list(RIGHTS), why=reason)
        return False
    # Only a console without URLs of its own needs this: it connects as the owner.
    reason = _refusal(connection, _let_owner_become_the_console)
    if reason:
        log.info("console_roles_not_granted_to_owner", why=reason)
    return True


def _refusal(connection: Connection, grant: Callable[[Connection], None]) -> str:
    """Grant all or nothing; returns why the database refuses it, or an empty text."""
    try:
        with connection.begin_nested():
            grant(connection)
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        return str(error.orig).split("\n", 1)[0]
    return ""


def _create_and_grant(connection: Connection) -> None:
    for role in RIGHTS:
        _create(connection, role)
    for role in RIGHTS:
        for statement in _grants(connection, role):
            connection.exec_driver_sql(statement)
    if connection.execute(text(_EVERYBODY_CREATES)).scalar_one():
        schema = connection.execute(text(_SCHEMA)).scalar_one()
        connection.exec_driver_sql(f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC")


def _let_owner_become_the_console(connection: Connection) -> None:
    for role in (READER_ROLE, CONSOLE_ROLE):
        if not connection.execute(text(_MAY_BECOME), {"role": role}).scalar_one():
            connection.exec_driver_sql(f"GRANT {role} TO CURRENT_USER")


def position_of(connection: Connection) -> RolePosition:
    """Who this connection is to the tables."""
    row = connection.execute(text(_POSITION)).one()
    return RolePosition(role=row.role, is_superuser=row.is_superuser, owned=tuple(row.owned))


def url_as(url: str, role: str, *, login: bool) -> str:
    """The URL of the same database for one of the console's roles.

    Args:
        url: the owner's.
        role: ``READER_ROLE``, whose transactions only read, or ``CONSOLE_ROLE``.
        login: connect as the role itself, as the embedded server allows; otherwise the
            owner connects and becomes the role at once.
    """
    options = [f"-c statement_timeout={STATEMENT_TIMEOUT_MS}"]
    if role == READER_ROLE:
        options.append("-c default_transaction_read_only=on")
    if login:
        url = url_of_login(url, role)
    else:
        options.append(f"-c role={role}")
    parsed = make_url(url)
    before = parsed.query.get("options", ())
    merged = " ".join([*([before] if isinstance(before, str) else before), *options])
    parsed = parsed.update_query_dict({"options": merged})
    address, _, query = parsed.render_as_string(hide_password=False).partition("?")
    return f"{address}?{query.replace('+', '%20')}"  # libpq reads a plus sign as itself


def url_of_login(url: str, role: str) -> str:
    """The URL of the same database for a role that needs no password."""
    parsed = make_url(url).set(username=role, password=None)
    return parsed.render_as_string(hide_password=False)


def _create(connection: Connection, role: str) -> None:
    if not connection.execute(text(_EXISTS), {"role": role}).scalar_one():
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")


def _grants(connection: Connection, role: str) -> Iterator[str]:
    """The statements that give a role the rights it lacks."""
    rights = RIGHTS[role]
    if not connection.execute(text(_MAY_USE), {"role": role}).scalar_one():
        schema = connection.execute(text(_SCHEMA)).scalar_one()
        yield f"GRANT USAGE ON SCHEMA {schema} TO {role}"
    tables = frozenset(connection.execute(text(_TABLES)).scalars())
    wanted = [
        (table, *parts)
        for table, granted in table_rights(role, tables).items()
        for right in granted
        for parts in _parts(right)
    ]
    names, kinds, columns = (list(values) for values in zip(*wanted, strict=True))
    params = {"role": role, "names": names, "kinds": kinds, "columns": columns}
    for name, kind, lacking in connection.execute(text(_MISSING), params).all():
        right = f"{kind} ({', '.join(lacking)})" if lacking else kind
        yield f"GRANT {right} ON {name} TO {role}"
    for function in _lacking(connection, role, _MAY_CALL, "function", rights.calls):
        yield f"GRANT EXECUTE ON FUNCTION {function} TO {role}"
    for sequence in _lacking(connection, role, _MAY_COUNT, "sequence", rights.counters):
        yield f"GRANT USAGE, SELECT ON SEQUENCE {sequence} TO {role}"


def _parts(right: str) -> Iterator[tuple[str, str]]:
    """A right as its kind with one column each, or with none for the whole table."""
    kind, _, columns = right.partition(" ")
    for column in columns.strip("()").split(", "):
        yield kind, column


def _lacking(
    connection: Connection, role: str, query: str, parameter: str, names: Iterable[str]
) -> list[str]:
    return [
        name
        for name in names
        if not connection.execute(text(query), {"role": role, parameter: name}).scalar_one()
    ]
