"""``tieout console``: serve the web console until SIGTERM."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import partial
from threading import Event, Thread
from typing import Annotated

import typer
import uvloop
from sqlalchemy import Connection, Engine

from breaks.corrections.trials import TryCorrections
from breaks.lists.kept_groups import KeptGroups
from console.accounts.identity_provider import IdentityProvider, OidcTerms
from console.api.server import document_bytes
from console.app import THREADS, ConsoleServer
from console.config import (
    ApiTerms,
    Console,
    ConsoleConfig,
    LimitsInForce,
    ProviderTerms,
    SettingLine,
)
from console.pipeline import Pipeline
from console.streams import STREAM_THREADS
from console.warming import keep_warm
from ops.commands.queue.probe import broker_url_of
from ops.context import Context, context_of, database_url
from ops.engines.data_directory import open_data_directory
from ops.engines.database_checks import require_database
from ops.engines.role_urls import require_roles, role_urls
from ops.garbage import OF_CONSOLE, skip_loaded
from ops.jobs.registry import KINDS
from ops.pipeline.disk import disk_reader
from ops.pipeline.reader import PipelineReader
from ops.providers.book_trials import book_trials
from ops.providers.inquiries import askable
from ops.providers.signatures import signature_check
from ops.runtime import logs
from ops.runtime.listening import listening_socket
from ops.runtime.service_manager import ServiceManager, show_life_of
from ops.scheduling.business_days import business_days_of, maturities_of
from ops.settings.break_policy import rules_of
from ops.settings.dialects import dialects
from ops.settings.limits import limits_document, limits_of_document
from ops.settings.listed import setting_lines
from ops.settings.model import ProviderSettings, Settings
from ops.settings.notify_rules import rule_of_terms, rules_of_notify
from ops.settings.notify_text import notify_text
from ops.settings.sections.console import OidcSettings
from ops.settings.sections.feed import pulled_feeds, pushes_history
from ops.settings.sections.reporting import ReportingSettings, reporting_rates
from ops.settings.values import unset_secrets_of
from reconcile.days.kept_sums import KeptBreaks, KeptSums
from reconcile.days.remembered_figures import RememberedFigures
from reconcile.days.states import DayStatus
from reconcile.days.sums import BreaksReader, SidesReader, read_breaks, read_sides
from reports.rates import ReportingRates
from storage.engine import open_engine
from storage.kept import KeptReads
from storage.limit_versions import version_in_force
from storage.transactions import snapshot
from vocabulary.clock import SystemClock
from vocabulary.currencies import Exponents
from vocabulary.errors import SettingsInvalid
from vocabulary.heap import share_one_arena
from workers.canary import QUEUES


class ConsolePart(StrEnum):
    """What can be printed of the console instead of serving it."""

    OPENAPI = "openapi"


#: How long a thread computes while others wait. A page asks the database some twenty times and
#: would wait for a renewal behind it, or for another page, 5 ms after each answer.
_SWITCH_INTERVAL = timedelta(microseconds=200)
#: How long a learned maturity is kept.
_MATURITY_KEPT = timedelta(minutes=10)
#: How many connections stay open for trials alone: these keep their statements prepared.
_TRIALS_AT_ONCE = 2


def console(
    ctx: typer.Context,
    part: Annotated[
        ConsolePart | None,
        typer.Argument(help="openapi: print the document of the API instead of serving."),
    ] = None,
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve the web console for finance and operations."""
    if part is ConsolePart.OPENAPI:
        typer.echo(json.dumps(json.loads(document_bytes()), indent=2, ensure_ascii=False))
        return
    context = context_of(ctx)
    logs.configure(role="console")
    share_one_arena()
    settings = context.settings.console
    listen = listening_socket(
        host or settings.host, settings.port if port is None else port, shared=False
    )
    require_database(database_url(context), context.settings.mode)
    served, stopped = open_console(context), Event()
    manager = ServiceManager(os.environ)
    skip_loaded(OF_CONSOLE)
    sys.setswitchinterval(_SWITCH_INTERVAL.total_seconds())
    warming = Thread(target=keep_warm, args=(served, stopped), name="warming")
    warming.start()
    try:
        serving = ConsoleServer(served).serve(listen, on_started=manager.alive)
        uvloop.run(show_life_of(serving, manager))
    finally:
        stopped.set()


def open_console(context: Context) -> Console:
    """The console with its two kinds of connections.

    Raises:
        Unavailable: the database lacks one of the roles.
        SettingsInvalid: a secret of single sign-on is not there.
    """
    settings = context.settings
    if problems := list(unset_secrets_of(settings.console.oidc, "console.oidc")):
        raise SettingsInvalid(problems)
    address = database_url(context)
    urls = role_urls(settings, address)
    require_roles(urls)
    connections = THREADS + STREAM_THREADS
    readers = open_engine(urls.reader, pool_size=connections)
    trials = open_engine(urls.reader, pool_size=_TRIALS_AT_ONCE)
    clock = SystemClock()
    renewals = ThreadPoolExecutor(1, thread_name_prefix="renewals")
    connect = partial(snapshot, readers, "renewal")
    reads = KeptReads(connect, clock, renewals)
    sums = KeptSums(reads, clock)
    config = console_config(
        settings,
        limits=partial(read_limits, readers, settings),
        try_corrections=book_trials(settings, urls.reader, trials),
        read_pipeline=PipelineReader(
            settings,
            engine=readers,
            broker_url=partial(broker_url_of, context),
            clock=clock,
            disk=disk_reader(address, open_data_directory(context.data_dir)),
        ),
        listed=setting_lines(settings, context.config, os.environ),
        shown_sides=sums.kept,
        shown_breaks=KeptBreaks(reads, (entry.slug for entry in settings.providers)).kept,
        fresh_sides=sums.anew,
    )
    return Console(
        config=config,
        readers=readers,
        writers=open_engine(urls.writer, pool_size=connections),
        clock=clock,
        kept=reads,
        figures=RememberedFigures(),
        groups=KeptGroups(connect, clock, renewals, config.zones),
    )


def read_limits(readers: Engine, settings: Settings) -> LimitsInForce:
    """The limits that two people confirmed; those of the settings until the first are set up.

    Raises:
        Unavailable: the database is out of reach.
    """
    version = version_in_force(readers)
    document = limits_document(settings) if version is None else version.document
    limits = limits_of_document(document, settings.exponents)
    return LimitsInForce(write_offs=limits.write_offs, days=limits.days)


def console_config(
    settings: Settings,
    *,
    limits: Callable[[], LimitsInForce],
    try_corrections: TryCorrections,
    read_pipeline: Callable[[], Pipeline],
    listed: tuple[SettingLine, ...] = (),
    shown_sides: SidesReader = read_sides,
    shown_breaks: BreaksReader = read_breaks,
    fresh_sides: SidesReader = read_sides,
) -> ConsoleConfig:
    """What the console shows and asks of people, from the settings.

    Args:
        settings: of the whole system.
        limits: reads the limits in force.
        try_corrections: tries corrections before they are proposed or approved.
        read_pipeline: reads queues, receivers, feeds, sizes and proofs.
        listed: every setting in force, without secrets.
        shown_sides: adds up both sides of the days that pages show, or keeps their sums.
        shown_breaks: adds up the breaks of these days, or keeps what they come to.
        fresh_sides: adds them up anew.
    """
    entries = {entry.slug: entry for entry in settings.providers}
    days = _DayReader(
        entries,
        shown=partial(business_days_of, sides=shown_sides, breaks=shown_breaks),
        fresh=partial(business_days_of, sides=fresh_sides),
    )
    return ConsoleConfig(
        providers=tuple(_terms(entry) for entry in settings.providers),
        own_exponents=settings.exponents,
        public_url=settings.console.public_url,
        session_lasts=settings.console.session,
        session_idle=settings.console.idle,
        trusted_proxies=settings.console.trusted_proxies,
        day_of=days.one,
        listed_days=days.shown,
        limits=limits,
        try_corrections=try_corrections,
        read_pipeline=read_pipeline,
        queues=QUEUES,
        notify_rules=rules_of_notify(settings),
        notify_text=notify_text,
        read_rule=partial(rule_of_terms, exponents=settings.exponents),
        due_rules=rules_of(settings),
        reporting_zone=settings.reporting.zone,
        rates=_RatesReader(settings.reporting, settings.exponents),
        askable=frozenset(askable(settings)),
        upload_bytes_max=settings.console.upload_max_bytes,
        job_kinds=KINDS,
        check_signature=signature_check(settings),
        settings=listed,
        api=ApiTerms(
            requests_per_minute=settings.console.api.requests_per_minute,
            token_lifetime_max=settings.console.api.token_lifetime_max,
            idempotency=settings.console.api.idempotency,
        ),
        identity_provider=_identity_provider(settings.console.oidc),
    )


def _terms(entry: ProviderSettings) -> ProviderTerms:
    return ProviderTerms(
        slug=entry.slug,
        zone=entry.timezone,
        exponents=entry.exponents,
        dialect=entry.dialect,
        pushes=pushes_history(entry.dialect),
        takes_statements=dialects()[entry.dialect].statement is not None,
        is_pulled=entry.api is not None and bool(pulled_feeds(entry.dialect)),
        stale_after=entry.feed.stale_after,
    )


def _identity_provider(settings: OidcSettings | None) -> IdentityProvider | None:
    if settings is None:
        return None
    return IdentityProvider(
        OidcTerms(
            issuer=settings.issuer,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            claim=settings.claim,
            domain=settings.domain,
            has_passwords=settings.passwords,
        )
    )


class _DayReader:
    """Reads days of the configured providers, by slug.

    The age by which both sides have every row is read once in ``_MATURITY_KEPT``: learning it
    samples a provider's history.

    Args:
        entries: the providers by slug.
        shown: ``business_days_of`` with what is kept for pages.
        fresh: the same as the books are now.
    """

    def __init__(
        self,
        entries: Mapping[str, ProviderSettings],
        *,
        shown: Callable[..., list[DayStatus]],
        fresh: Callable[..., list[DayStatus]],
    ) -> None:
        self._entries, self._shown, self._fresh = entries, shown, fresh
        self._maturity: Mapping[str, timedelta] = {}
        self._read_at = datetime.min.replace(tzinfo=UTC)

    def one(self, connection: Connection, slug: str, day: date, now: datetime) -> DayStatus:
        """A day as it is now."""
        return self._read(connection, [(slug, day)], now, self._fresh)[0]

    def shown(
        self, connection: Connection, days: Sequence[tuple[str, date]], now: datetime
    ) -> list[DayStatus]:
        """Days for a page, with kept sums of both sides and of breaks."""
        return self._read(connection, days, now, self._shown)

    def _read(
        self,
        connection: Connection,
        days: Sequence[tuple[str, date]],
        now: datetime,
        read: Callable[..., list[DayStatus]],
    ) -> list[DayStatus]:
        return read(
            connection,
            [(self._entries[slug], day) for slug, day in days],
            now,
            maturity=self._maturity_at(connection, now),
        )

    def _maturity_at(self, connection: Connection, now: datetime) -> Mapping[str, timedelta]:
        if now - self._read_at > _MATURITY_KEPT:
            self._maturity = maturities_of(connection, self._entries.values(), now)
            self._read_at = now
        return self._maturity


class _RatesReader:
    """Reads the rates into the reporting currency again only if their file changed."""

    def __init__(self, settings: ReportingSettings, exponents: Exponents) -> None:
        self._settings = settings
        self._exponents = exponents
        self._read: tuple[tuple[int, int], ReportingRates | None] | None = None

    def __call__(self) -> ReportingRates | None:
        path = self._settings.rates
        if path is None or not path.exists():
            return reporting_rates(self._settings, self._exponents)
        status = path.stat()
        version = (status.st_mtime_ns, status.st_size)
        if self._read is None or self._read[0] != version:
            self._read = (version, reporting_rates(self._settings, self._exponents))
        return self._read[1]
