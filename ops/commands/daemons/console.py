"""``tieout console``: serve the web console until SIGTERM."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Annotated

import typer
import uvloop
from sqlalchemy import Connection, Engine

from breaks.trials import TryCorrections
from console.app import THREADS, ConsoleServer
from console.config import Console, ConsoleConfig, LimitsInForce, ProviderTerms
from ops.context import Context, context_of, database_url
from ops.providers.book_trials import book_trials
from ops.runtime import logs
from ops.runtime.listening import listening_socket
from ops.runtime.role_urls import require_roles, role_urls
from ops.scheduling.business_days import business_days_of, maturities_of
from ops.settings.break_policy import rules_of
from ops.settings.limits import limits_document, limits_of_document
from ops.settings.model import ProviderSettings, Settings
from reconcile.days.kept_sums import KeptSums
from reconcile.days.states import DayStatus
from reconcile.days.sums import SidesReader, read_sides
from storage.engine import open_engine
from storage.kept import KeptReads
from storage.limit_versions import version_in_force
from storage.schema_version import require_schema
from vocabulary.clock import SystemClock

#: How long a learned maturity is kept.
_MATURITY_KEPT = timedelta(minutes=10)


def console(
    ctx: typer.Context,
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve the web console for finance and operations."""
    context = context_of(ctx)
    logs.configure()
    settings = context.settings.console
    listen = listening_socket(
        host or settings.host, settings.port if port is None else port, shared=False
    )
    require_schema(database_url(context))
    uvloop.run(ConsoleServer(open_console(context)).serve(listen))


def open_console(context: Context) -> Console:
    """The console with its two kinds of connections.

    Raises:
        Unavailable: the database lacks one of the roles.
    """
    settings = context.settings
    urls = role_urls(settings, database_url(context))
    require_roles(urls)
    readers = open_engine(urls.reader, pool_size=THREADS)
    clock = SystemClock()
    kept = KeptReads(readers, clock, ThreadPoolExecutor(1, thread_name_prefix="renewals"))
    return Console(
        config=console_config(
            settings,
            limits=partial(read_limits, readers, settings),
            try_corrections=book_trials(settings, urls.reader),
            listed_sides=KeptSums(kept, clock),
        ),
        readers=readers,
        writers=open_engine(urls.writer, pool_size=THREADS),
        clock=clock,
        kept=kept,
    )


def read_limits(readers: Engine, settings: Settings) -> LimitsInForce:
    """The limits that two people confirmed; those of the settings until the first are set up.

    Raises:
        Unavailable: the database is out of reach.
    """
    version = version_in_force(readers)
    document = limits_document(settings) if version is None else version.document
    limits = limits_of_document(document)
    return LimitsInForce(write_offs=limits.write_offs, days=limits.days)


def console_config(
    settings: Settings,
    *,
    limits: Callable[[], LimitsInForce],
    try_corrections: TryCorrections,
    listed_sides: SidesReader = read_sides,
) -> ConsoleConfig:
    """What the console shows and asks of people, from the settings.

    Args:
        settings: of the whole system.
        limits: reads the limits in force.
        try_corrections: tries corrections before they are proposed or approved.
        listed_sides: adds up both sides of the days of a list, or keeps their sums.
    """
    days = _DayReader({entry.slug: entry for entry in settings.providers}, listed_sides)
    return ConsoleConfig(
        providers=tuple(
            ProviderTerms(slug=entry.slug, zone=entry.timezone, exponents=entry.exponents)
            for entry in settings.providers
        ),
        public_url=settings.console.public_url,
        session_lasts=settings.console.session,
        session_idle=settings.console.idle,
        trusted_proxies=settings.console.trusted_proxies,
        day_of=days.one,
        listed_days=days.listed,
        limits=limits,
        try_corrections=try_corrections,
        due_rules=rules_of(settings),
    )


class _DayReader:
    """Reads days of the configured providers, by slug.

    The age by which both sides have every row is read once in ``_MATURITY_KEPT``: learning it
    samples a provider's history.
    """

    def __init__(
        self, entries: Mapping[str, ProviderSettings], listed_sides: SidesReader
    ) -> None:
        self._entries, self._listed_sides = entries, listed_sides
        self._maturity: Mapping[str, timedelta] = {}
        self._read_at = datetime.min.replace(tzinfo=UTC)

    def one(self, connection: Connection, slug: str, day: date, now: datetime) -> DayStatus:
        """A day as it is now."""
        days = [(self._entries[slug], day)]
        maturity = self._maturity_at(connection, now)
        return business_days_of(connection, days, now, maturity=maturity)[0]

    def listed(
        self, connection: Connection, days: Sequence[tuple[str, date]], now: datetime
    ) -> list[DayStatus]:
        """Days for a list, with kept sums of both sides."""
        return business_days_of(
            connection,
            [(self._entries[slug], day) for slug, day in days],
            now,
            maturity=self._maturity_at(connection, now),
            sides=self._listed_sides,
        )

    def _maturity_at(self, connection: Connection, now: datetime) -> Mapping[str, timedelta]:
        if now - self._read_at > _MATURITY_KEPT:
            self._maturity = maturities_of(connection, self._entries.values(), now)
            self._read_at = now
        return self._maturity
