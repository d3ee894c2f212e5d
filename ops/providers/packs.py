"""Report packs of configured providers, for the command and for the daily sweep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from ops.garbage import OF_PACKS, skip_loaded
from ops.providers.configured import ConfiguredProvider
from ops.settings.break_policy import rules_of
from ops.settings.model import ProviderSettings, Settings
from ops.settings.sections.reporting import reporting_rates
from reconcile.days.states import DayStatus
from reconcile.days.sums import SidesReader
from reports.files.write import write_document, write_pack
from reports.group import GROUP, GroupPack
from reports.group_document import group_document
from reports.load import load_pack
from reports.pack import CheckedInvoice, Pack
from reports.statement.statement import DayReader
from storage.transactions import engine_at, snapshot
from vocabulary.clock import SystemClock
from vocabulary.window import Window


class ReadDay(Protocol):
    """Reads a business day of a provider, as of an instant."""

    def __call__(
        self,
        connection: Connection,
        entry: ProviderSettings,
        day: date,
        now: datetime,
        *,
        sides: SidesReader,
    ) -> DayStatus:
        """Read the day, its sides by the given reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackOptions:
    """What is written, and how.

    Attributes:
        read_day: see ``ops.scheduling.business_days``.
        invoices: checked invoices to include.
        protect_ids: of the CSV tables, see ``reports.files.csv_files``.
        only_pdf: write only the statement to print and to sign.
        group: write the statement over all of them too.
    """

    read_day: ReadDay
    invoices: tuple[CheckedInvoice, ...] = ()
    protect_ids: bool = False
    only_pdf: bool = False
    group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPacks:
    """What was written.

    Attributes:
        files: by provider; the group's under ``GROUP``.
        missed: by provider, what no run compared.
        without_run: providers that no run ever compared, where no window was asked for.
    """

    files: Mapping[str, tuple[Path, ...]]
    missed: Mapping[str, tuple[Window, ...]]
    without_run: tuple[str, ...]


def write_packs(
    url: str,
    settings: Settings,
    chosen: Sequence[tuple[ConfiguredProvider, Window | None]],
    out: Path,
    options: PackOptions,
) -> WrittenPacks:
    """Write the packs of providers, each over its window or that of its last run."""
    skip_loaded(OF_PACKS)
    now = SystemClock().now()
    with engine_at(url, pool_size=1) as engine, snapshot(engine, "report") as connection:
        packs = [
            _load(connection, settings, provider, window=window, options=options, now=now)
            for provider, window in chosen
        ]
    how = {"protect_ids": options.protect_ids, "only_pdf": options.only_pdf}
    files = {pack.provider: write_pack(pack, out, **how) for pack in packs}
    if options.group:
        group = GroupPack(
            packs=tuple(packs), generated_at=now, entity=settings.reporting.entity
        )
        files[GROUP] = write_document(group_document(group), out, **how)
    return WrittenPacks(
        files=files,
        missed={pack.provider: pack.gaps for pack in packs if pack.gaps},
        without_run=tuple(pack.provider for pack in packs if pack.window is None),
    )


def _load(
    connection: Connection,
    settings: Settings,
    provider: ConfiguredProvider,
    *,
    window: Window | None,
    options: PackOptions,
    now: datetime,
) -> Pack:
    return load_pack(
        connection,
        provider.provider.slug,
        window=window,
        generated_at=now,
        exponents=provider.provider.exponents,
        zone=provider.timezone,
        rules=rules_of(settings),
        invoices=options.invoices,
        rates=reporting_rates(settings.reporting, settings.exponents),
        entity=settings.reporting.entity,
        read_day=_day_reader(settings, options.read_day, provider.provider.slug, now),
    )


def _day_reader(settings: Settings, read: ReadDay, slug: str, now: datetime) -> DayReader:
    entry = next(entry for entry in settings.providers if entry.slug == slug)

    def read_day(connection: Connection, day: date, sides: SidesReader) -> DayStatus:
        return read(connection, entry, day, now, sides=sides)

    return read_day
