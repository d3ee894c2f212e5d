"""Two database roles with fewer rights than the owner's: one only reads, one is the console's.

The reader sees every table but those with passwords, sessions and tokens. The console's role
also writes what people decide: workflow states, notes, proposals, approvals, steps of days,
requests of jobs, sessions, passwords, pauses of queues, messages that try a rule. Two functions
of the owner give parked work back for it. Neither can write wallets, operations, entries,
rounds, records or runs.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import structlog
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import ProgrammingError

READER_ROLE = "tieout_reader"
CONSOLE_ROLE = "tieout_console"
#: Longest time that one statement of either role may take, in milliseconds.
STATEMENT_TIMEOUT_MS = 15_000

#: Tables that the reader does not see.
_SECRET = frozenset(
    {
        *("passwords", "password_codes", "console_sessions", "login_attempts"),
        *("api_tokens", "api_requests", "sso_logins"),
    }
)
#: The columns of people that both roles see: all but the hash of the token.
_PEOPLE = "person_id, name, skeleton, display_name, roles, os_user, disabled_at, created_at"
#: What the console's role may do beyond reading.
_CONSOLE_WRITES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "adjustments": ("INSERT", "UPDATE (state, decided_by, decided_at, decision)"),
        "api_requests": ("SELECT", "INSERT", "UPDATE", "DELETE"),
        "api_tokens": ("SELECT", "INSERT", "UPDATE (last_used_at, revoked_at, revoked_by)"),
        "audit": ("INSERT",),
        "break_files": ("INSERT",),
        "break_mentions": ("INSERT", "UPDATE (read_at)"),
        "break_notes": ("INSERT",),
        "break_workflows": ("UPDATE",),
        "correction_trials": ("INSERT",),
        "console_sessions": ("SELECT", "INSERT", "UPDATE", "DELETE"),
        "day_steps": ("INSERT",),
        "detail_requests": ("INSERT", "UPDATE (refresh)"),
        "job_files": ("INSERT (job_id, name, media_type, sha256, content)",),
        "jobs": (
            "INSERT (kind, title, arguments, heavy, digest, request_key, requested_by)",
            "UPDATE (state, finished_at, cancelled_by, dropped_at)",
        ),
        "dispute_lines": ("INSERT",),
        "disputes": ("INSERT",),
        "feed_findings": ("UPDATE (resolved_at, resolved_by)",),
        "invoice_steps": (
            "INSERT (invoice_id, number, action, by_name, eyes, reason, paid_on, reference)",
        ),
        "login_attempts": ("SELECT", "INSERT", "UPDATE", "DELETE"),
        "password_codes": ("SELECT", "INSERT", "UPDATE"),
        "notifications": ("INSERT",),
        "passwords": ("SELECT", "INSERT", "UPDATE"),
        "paused_queues": ("INSERT", "DELETE"),
        "saved_views": ("INSERT", "UPDATE (address, shared, saved_at)", "DELETE"),
        "sso_logins": ("SELECT", "INSERT", "UPDATE (used_at)", "DELETE"),
        "write_offs": ("INSERT", "UPDATE (state, decided_by, decided_at)"),
    }
)
#: What the console's role may call: functions that do one thing with the owner's rights.
_CONSOLE_CALLS = (
    "requeue_parked(bigint[], integer[])",
    "discard_parked(bigint[], integer[])",
)
_EXISTS = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)"
# From PostgreSQL 16 on, whoever creates a role is a member that may not become it.
_MAY_BECOME = """
SELECT pg_has_role(current_user, :role,
                   CASE WHEN current_setting('server_version_num')::integer >= 160000
                        THEN 'SET' ELSE 'MEMBER' END)
"""
# Granting what is granted already would rewrite rows of the catalogue at every start.
_UNSEEN = """
SELECT c.relname FROM pg_class c
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v')
   AND c.relname <> 'people' AND c.relname <> ALL(:secret)
   AND NOT has_table_privilege(CAST(:role AS name), c.oid, 'SELECT')
 ORDER BY c.relname
"""
_HAS_COLUMNS = "SELECT has_column_privilege(CAST(:role AS name), 'people', 'name', 'SELECT')"
_MAY_CALL = "SELECT has_function_privilege(CAST(:role AS name), :function, 'EXECUTE')"
_HAS = "SELECT has_any_column_privilege(CAST(:role AS name), CAST(:name AS text), :right)"

log = structlog.get_logger()


def grant_roles(connection: Connection) -> bool:
    """Create both roles and give them their rights, as far as the database's role may.

    Returns:
        Whether it may; if not, an administrator of the database has to.
    """
    try:
        with connection.begin_nested():
            for role in (READER_ROLE, CONSOLE_ROLE):
                _create(connection, role)
                for statement in _grants(connection, role):
                    connection.exec_driver_sql(statement)
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        log.warning("roles_not_granted", roles=[READER_ROLE, CONSOLE_ROLE])
        return False
    return True


def url_as(url: str, role: str, *, login: bool) -> str:
    """The URL of the same database for one of the roles.

    Args:
        url: the owner's.
        role: ``READER_ROLE``, whose transactions only read, or ``CONSOLE_ROLE``.
        login: connect as the role itself, as the embedded server allows; otherwise the owner
            connects and becomes the role at once.
    """
    options = [f"-c statement_timeout={STATEMENT_TIMEOUT_MS}"]
    if role == READER_ROLE:
        options.append("-c default_transaction_read_only=on")
    parsed = make_url(url)
    if login:
        parsed = parsed.set(username=role, password=None)
    else:
        options.append(f"-c role={role}")
    before = parsed.query.get("options", ())
    merged = " ".join([*([before] if isinstance(before, str) else before), *options])
    parsed = parsed.update_query_dict({"options": merged})
    address, _, query = parsed.render_as_string(hide_password=False).partition("?")
    return f"{address}?{query.replace('+', '%20')}"  # libpq reads a plus sign as itself


def _create(connection: Connection, role: str) -> None:
    if not connection.execute(text(_EXISTS), {"role": role}).scalar_one():
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
    if not connection.execute(text(_MAY_BECOME), {"role": role}).scalar_one():
        connection.exec_driver_sql(f"GRANT {role} TO CURRENT_USER")


def _grants(connection: Connection, role: str) -> Iterator[str]:
    """The statements that give a role the rights it lacks."""
    params = {"role": role, "secret": sorted(_SECRET)}
    for name in connection.execute(text(_UNSEEN), params).scalars().all():
        yield f"GRANT SELECT ON {name} TO {role}"
    if not connection.execute(text(_HAS_COLUMNS), {"role": role}).scalar_one():
        yield f"GRANT SELECT ({_PEOPLE}) ON people TO {role}"
    if role != CONSOLE_ROLE:
        return
    for name, rights in _CONSOLE_WRITES.items():
        for right in rights:
            params = {"role": role, "name": name, "right": right.partition(" ")[0]}
            if right == "DELETE":  # it has no columns
                query = _HAS.replace("has_any_column_privilege", "has_table_privilege")
            else:
                query = _HAS
            if not connection.execute(text(query), params).scalar_one():
                yield f"GRANT {right} ON {name} TO {role}"
    for function in _CONSOLE_CALLS:
        params = {"role": role, "function": function}
        if not connection.execute(text(_MAY_CALL), params).scalar_one():
            yield f"GRANT EXECUTE ON FUNCTION {function} TO {role}"
