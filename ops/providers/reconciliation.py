"""Reconciling a configured provider, for the command and for the schedule."""

import gc
from datetime import date, timedelta
from hashlib import blake2b
from pathlib import Path

from feeds.arrival_delay import ProviderMaturity
from ops.providers.configured import configured_provider
from ops.providers.reconcile_inputs import reader_of, rules_of
from ops.settings.model import ProviderSettings
from reconcile.partitions.options import RunOptions
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from vocabulary.clock import SystemClock
from vocabulary.window import Window


def reconcile_provider(
    database_url: str,
    entry: ProviderSettings,
    window: Window,
    *,
    maturity: ProviderMaturity | timedelta,
    close: date | None,
    close_reason: str | None = None,
    options: RunOptions,
) -> RunResult:
    """Compare the ledger with the provider's records over a window, and store the run.

    Args:
        database_url: of the books.
        entry: the provider's settings.
        window: what is compared.
        maturity: rows younger than this are timing.
        close: the day that the window covers, to close it; None leaves it open.
        close_reason: why it is closed even if timing is left; None leaves it open then.
        options: how the run works.

    Raises:
        Unavailable, Contradiction: see ``reconcile.runs.run.reconcile``.
    """
    provider = configured_provider(entry)
    request = RunRequest(
        provider=entry.slug,
        window=window,
        maturity=maturity if isinstance(maturity, timedelta) else maturity.ages,
        exponents=provider.provider.exponents,
        open_after=provider.open_after,
        rules=rules_of(provider),
        read_logged=reader_of(provider),
        stale_after=entry.feed.stale_after,
        maturity_basis=None if isinstance(maturity, timedelta) else maturity.to_json(),
        close=close,
        close_reason=close_reason,
    )
    # Frozen imports are not searched for garbage, which would take a tenth of a run.
    gc.freeze()
    return reconcile(database_url, request, clock=SystemClock(), options=options)


def checkpoint_folder(data_dir: Path, provider: str, window: Window) -> Path:
    """Return where a run that can be resumed keeps its finished parts until it is stored."""
    span = f"{window.start.isoformat()} {window.end.isoformat()}"
    name = blake2b(span.encode(), digest_size=8).hexdigest()
    return data_dir / "runs" / f"{provider}-{name}"
