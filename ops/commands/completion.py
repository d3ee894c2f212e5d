"""What the shell offers for the values of options: providers, days, ids of breaks and runs.

A completion never starts a server, never waits long and never fails: it offers nothing instead.
"""

from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from ops.context import DEFAULT_DATA_DIR, Context

if TYPE_CHECKING:
    from pathlib import Path

#: Longest wait for the database, in seconds.
CONNECT_TIMEOUT_S = 2
#: Most ids that are offered.
OFFERED_MAX = 50
_DAYS = ("today", "yesterday")
_BREAKS = """
SELECT b.break_id, b.provider || ' ' || b.kind || ' ' || b.round_id
  FROM break_workflows w JOIN breaks b USING (break_id)
 WHERE w.state <> 'closed' AND b.break_id LIKE %s ORDER BY w.opened_at DESC LIMIT %s
"""
_RUNS = """
SELECT run_id, provider || ' ' || to_char(finished_at, 'YYYY-MM-DD HH24:MI')
  FROM runs WHERE run_id LIKE %s ORDER BY finished_at DESC LIMIT %s
"""


def complete_provider(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The configured providers."""
    with suppress(Exception):  # a completion that fails offers nothing
        providers = _context(ctx).settings.providers
        return [(p.slug, p.dialect) for p in providers if p.slug.startswith(incomplete)]
    return []


def complete_day(incomplete: str) -> list[str]:
    """The words for days."""
    from ops.commands.option_values import WEEKDAYS  # noqa: PLC0415 - only when it is asked

    return [word for word in (*_DAYS, *WEEKDAYS) if word.startswith(incomplete)]


def complete_break(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Breaks that are not closed, the newest first."""
    return _ids(ctx, _BREAKS, incomplete)


def complete_run(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The newest runs."""
    return _ids(ctx, _RUNS, incomplete)


def _ids(ctx: typer.Context, query: str, incomplete: str) -> list[tuple[str, str]]:
    with suppress(Exception):  # a completion that fails offers nothing
        return _rows(_running_database(_context(ctx)), query, incomplete)
    return []


def _rows(url: str | None, query: str, incomplete: str) -> list[tuple[str, str]]:
    if url is None:
        return []
    import psycopg  # noqa: PLC0415 - 60 ms that other completions do not need

    pattern = incomplete.replace("\\", "").replace("%", "").replace("_", "") + "%"
    with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        rows = connection.execute(query.encode(), (pattern, OFFERED_MAX)).fetchall()
    return [(str(name), str(words)) for name, words in rows]


def _running_database(context: Context) -> str | None:
    """The URL of the database, unless it is an embedded one that does not run."""
    from ops.engines import postgres_server, servers  # noqa: PLC0415 - as above
    from ops.engines.data_directory import open_data_directory  # noqa: PLC0415
    from ops.settings.model import EMBEDDED  # noqa: PLC0415
    from storage.rights import APPLICATION_ROLE  # noqa: PLC0415

    url = context.settings.database.url
    if url != EMBEDDED:
        return url
    if servers.status(context.data_dir).postgres is None:
        return None
    return postgres_server.url(open_data_directory(context.data_dir), role=APPLICATION_ROLE)


def _context(ctx: typer.Context) -> Context:
    """The context of a command line that is being completed: its root callback did not run."""
    options = ctx.find_root().params
    data: Path | None = options.get("data")
    return Context(config=options.get("config"), data_dir=data or DEFAULT_DATA_DIR)
