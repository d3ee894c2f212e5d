"""What each database role may do with each table: the grants that ``storage.roles`` makes.

``docs/privileges.md`` shows the same as a table. Whoever migrates owns the tables. A right is
written as in SQL: ``INSERT``, or ``UPDATE (state)`` for single columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

APPLICATION_ROLE = "tieout_app"
RECEIVER_ROLE = "tieout_receiver"
READER_ROLE = "tieout_reader"
CONSOLE_ROLE = "tieout_console"

#: The owner of the tables on the embedded server, where it is the superuser, too.
OWNER_ROLE = "tieout"

#: Tables that only those who sign people in see.
SECRET_TABLES = frozenset(
    {
        *("passwords", "password_codes", "console_sessions", "login_attempts"),
        *("api_tokens", "api_requests", "sso_logins"),
    }
)
#: Columns of people that the reader and the console see: all but the hash of the token.
PUBLIC_PEOPLE = (
    "person_id, name, skeleton, display_name, roles, os_user, disabled_at, created_at"
)

#: A batch, a delivery and a wallet keep what they were written with; these columns move on.
_BATCH_STATE = "UPDATE (posted_at, parked_at)"
_DELIVERY_STATE = "UPDATE (ingested_at, parked_at)"
_WALLET_STATE = (
    "UPDATE (balance, seq, turnover, blocked, day, day_stake, day_payout, restrictions)"
)
_FILE_STATE = (
    "UPDATE (business_day, number, covers_from, covers_to, verdict, records, refused,"
    " replaced_by)"
)

Rights = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRights:
    """The rights of one role.

    Attributes:
        reads: the tables it sees; None: all but those that are hidden.
        hidden: tables it does not see unless ``writes`` says so.
        sees_tokens: sees every column of people.
        writes: rights by table, beyond reading what ``reads`` names.
        calls: functions of the owner that it may call.
        counters: sequences it takes numbers from and reads.
    """

    reads: frozenset[str] | None = None
    hidden: frozenset[str] = frozenset()
    sees_tokens: bool = False
    writes: Rights = field(default_factory=lambda: MappingProxyType({}))
    calls: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()


#: Functions that give parked work back or give it up.
_PARKED_CALLS = (
    "requeue_parked(bigint[], integer[])",
    "discard_parked(bigint[], integer[])",
)

_APPLICATION_WRITES: Rights = MappingProxyType(
    {
        # Evidence: written once. Where a right to update is left, its columns are not evidence.
        "archive_releases": (
            "INSERT",
            "UPDATE (state, decided_by, decided_at, decided_eyes, let_go_at)",
        ),
        "archives": ("INSERT", "UPDATE (location)"),
        "audit": ("INSERT",),
        "batches": ("INSERT", _BATCH_STATE),
        "break_files": ("INSERT",),
        "break_notes": ("INSERT",),
        "checkpoints": ("INSERT",),
        "correction_trials": ("INSERT",),
        "day_steps": ("INSERT",),
        "deliveries": ("INSERT", _DELIVERY_STATE),
        "detail_pages": ("INSERT",),
        "dispute_answers": ("INSERT",),
        "dispute_exports": ("INSERT",),
        "dispute_lines": ("INSERT",),
        "disputes": ("INSERT", "UPDATE (dispute_id)"),  # to lock a row
        "entries": ("INSERT",),
        "feed_file_parts": ("INSERT",),
        "feed_file_records": ("INSERT",),
        "feed_files": (
            "INSERT",
            _FILE_STATE,
        ),
        "feed_pulls": ("INSERT",),
        "feed_superseded": ("INSERT",),
        "feed_versions": ("INSERT",),
        "feed_withdrawals": ("INSERT",),
        "handles": ("INSERT",),
        "invoice_steps": ("INSERT",),
        "invoices": ("INSERT",),
        "journal_lines": ("INSERT",),
        "journals": ("INSERT",),
        "lost_answers": ("INSERT",),
        "operations": ("INSERT",),
        "players": ("INSERT", "UPDATE (player)"),  # to lock a row
        "proof_runs": ("INSERT",),
        "residual_entries": ("INSERT",),
        "residuals": ("INSERT",),
        "restores": (
            "INSERT",
            "UPDATE (verified_at, is_clean, proofs, finished_at, finished_by)",
        ),
        "runs": ("INSERT", "UPDATE (finished_at, result, manifest, whole)"),
        "seals": ("INSERT",),
        # Guarded by their states, and never removed.
        "adjustments": ("INSERT", "UPDATE"),
        "break_workflows": ("INSERT", "UPDATE"),
        "breaks": ("INSERT", "UPDATE"),
        "day_closes": ("INSERT", "UPDATE"),
        "feed_findings": ("INSERT", "UPDATE"),
        "fund_requests": ("INSERT", "UPDATE"),
        "limit_versions": ("INSERT", "UPDATE"),
        "people": ("INSERT", "UPDATE"),
        "provider_deliveries": ("INSERT", "UPDATE"),
        "receiver_sessions": ("INSERT", "UPDATE (answered_through, ended_at)"),
        "recoveries": ("INSERT", "UPDATE"),
        "recalls": ("INSERT",),
        "rounds": ("INSERT", "UPDATE"),
        "wallets": ("INSERT", _WALLET_STATE),
        "write_offs": ("INSERT", "UPDATE"),
        # What follows from evidence, and the state of work.
        "break_mentions": ("INSERT", "UPDATE (read_at)"),
        "canaries": ("INSERT", "UPDATE"),
        "day_amounts": ("INSERT", "DELETE"),
        "day_changes": ("DELETE",),
        "day_figures": ("INSERT", "DELETE"),
        "day_unreported_rounds": ("INSERT", "DELETE"),
        "console_sessions": ("SELECT (person_id, ended_at)", "UPDATE (ended_at)"),
        "detail_answers": ("INSERT", "UPDATE"),
        "detail_rate_limits": ("INSERT", "UPDATE"),
        "detail_requests": ("INSERT", "UPDATE"),
        "feed_records": ("INSERT", "UPDATE", "DELETE"),
        "feed_watermarks": ("INSERT", "UPDATE"),
        "job_files": ("INSERT", "DELETE"),
        "job_runs": ("INSERT", "UPDATE", "DELETE"),
        "jobs": ("INSERT", "UPDATE", "DELETE"),
        "listed_batches": ("INSERT", "DELETE"),
        "notification_events": ("INSERT", "UPDATE"),
        "notification_rules": ("INSERT", "UPDATE"),
        "notifications": ("INSERT", "UPDATE"),
        "operation_amounts": ("INSERT", "DELETE"),
        "parked": ("INSERT", "UPDATE", "DELETE"),
        "password_codes": ("SELECT", "INSERT", "UPDATE (used_at)"),
        "passwords": ("SELECT", "INSERT", "UPDATE (hash, set_at)"),
        "paused_queues": ("INSERT", "DELETE"),
        "run_watermarks": ("INSERT", "UPDATE"),
        "summed_days": ("INSERT", "UPDATE"),
        "table_sizes": ("INSERT", "UPDATE", "DELETE"),
        "worker_heartbeats": ("INSERT", "UPDATE", "DELETE"),
    }
)
#: A receiver accepts callbacks; it reads and writes nothing else. Rounds and archived keys are
#: what the guard of ``operations`` asks.
_RECEIVER_READS = frozenset(
    {
        *("alembic_version", "archived_keys", "batches", "handles", "operations", "players"),
        *("recalls", "receiver_sessions", "restores", "rounds", "wallets"),
    }
)
_RECEIVER_WRITES: Rights = MappingProxyType(
    {
        "batches": ("INSERT",),
        "deliveries": ("INSERT",),
        "lost_answers": ("INSERT",),
        "operations": ("INSERT",),
        "recalls": ("INSERT",),
        "receiver_sessions": ("INSERT", "UPDATE (answered_through, ended_at)"),
        "wallets": (_WALLET_STATE,),
    }
)
#: The console's role writes what people decide, and nothing of the books.
_CONSOLE_WRITES: Rights = MappingProxyType(
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
        "notification_rules": (
            "INSERT",
            "UPDATE (terms, version, disabled, changed_by, changed_at)",
        ),
        "notifications": ("INSERT",),
        "passwords": ("SELECT", "INSERT", "UPDATE"),
        "paused_queues": ("INSERT", "DELETE"),
        "recalls": ("INSERT (kind, provider, name, hash, wanted_by)",),
        "saved_views": ("INSERT", "UPDATE (address, shared, saved_at)", "DELETE"),
        "sso_logins": ("SELECT", "INSERT", "UPDATE (used_at)", "DELETE"),
        "write_offs": ("INSERT", "UPDATE (state, decided_by, decided_at)"),
    }
)

RIGHTS: Mapping[str, RoleRights] = MappingProxyType(
    {
        APPLICATION_ROLE: RoleRights(
            hidden=SECRET_TABLES,
            sees_tokens=True,
            writes=_APPLICATION_WRITES,
            calls=(
                *_PARKED_CALLS,
                "refresh_feed_statistics()",
                "recall_rows(bigint, jsonb)",
                "recall_history(text, text, jsonb)",
            ),
            counters=("feed_order",),
        ),
        RECEIVER_ROLE: RoleRights(reads=_RECEIVER_READS, writes=_RECEIVER_WRITES),
        READER_ROLE: RoleRights(hidden=SECRET_TABLES),
        CONSOLE_ROLE: RoleRights(
            hidden=SECRET_TABLES, writes=_CONSOLE_WRITES, calls=_PARKED_CALLS
        ),
    }
)


def table_rights(role: str, tables: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """The rights of a role by table, of the tables that a schema has."""
    rights = RIGHTS[role]
    visible = tables - rights.hidden if rights.reads is None else rights.reads & tables
    granted: dict[str, tuple[str, ...]] = {}
    for table in sorted(tables):
        select: tuple[str, ...] = ("SELECT",) if table in visible else ()
        if table == "people" and select and not rights.sees_tokens:
            select = (f"SELECT ({PUBLIC_PEOPLE})",)
        if granted_here := (*select, *rights.writes.get(table, ())):
            granted[table] = granted_here
    return granted
