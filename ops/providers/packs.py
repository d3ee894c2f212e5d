"""Report packs of configured providers, for the command and for the daily sweep."""

from pathlib import Path

from ops.providers.configured import ConfiguredProvider
from ops.settings.break_policy import rules_of
from ops.settings.model import Settings
from ops.settings.reporting import reporting_rates
from reports.load import load_pack
from reports.pack import CheckedInvoice
from reports.write import write_pack
from storage.transactions import engine_at
from vocabulary.clock import SystemClock
from vocabulary.window import Window


def write_packs(
    url: str,
    settings: Settings,
    chosen: list[tuple[ConfiguredProvider, Window | None]],
    out: Path,
    *,
    invoices: tuple[CheckedInvoice, ...] = (),
    protect_ids: bool = False,
) -> dict[str, tuple[Path, ...]]:
    """Write the packs of providers' last runs, over a window where one is given."""
    rates = reporting_rates(settings.reporting)
    written = {}
    with engine_at(url, pool_size=1) as engine, engine.connect() as connection:
        for provider, window in chosen:
            pack = load_pack(
                connection,
                provider.provider.slug,
                window=window,
                generated_at=SystemClock().now(),
                exponents=provider.provider.exponents,
                zone=provider.timezone,
                rules=rules_of(settings),
                invoices=invoices,
                rates=rates,
            )
            written[provider.provider.slug] = write_pack(pack, out, protect_ids=protect_ids)
    return written
