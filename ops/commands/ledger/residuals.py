"""``tieout ledger residuals``: differences that tolerances or people accepted, as booked."""

from typing import Annotated

import typer

from ledger.queries.residuals import BookedResidual, residuals_of
from ops.commands.database import open_books
from ops.commands.options import AsJson, Limit, ProviderFilter
from ops.commands.provider_choice import check_provider
from ops.commands.tables import instant, print_rows, text
from ops.context import context_of, own_exponents
from vocabulary.currencies import Exponents

_COLUMNS = (
    *("residual", "booked_at", "provider", "round", "player", "moved", "stands"),
    *("currency", "corrects", "run", "write_off"),
)


def residuals(
    ctx: typer.Context,
    *,
    provider: ProviderFilter = None,
    round_id: Annotated[str | None, typer.Option("--round", help="Only this round.")] = None,
    standing: Annotated[
        bool, typer.Option("--standing", help="Only what was not reversed or changed since.")
    ] = False,
    most: Limit = 1_000,
    as_json: AsJson = False,
) -> None:
    """List what runs and people moved between GGR and the difference account, newest first."""
    check_provider(context_of(ctx).settings, provider)
    booked = residuals_of(
        open_books(ctx), provider=provider, round_id=round_id, standing=standing, limit=most
    )
    print_rows(
        [_residual_json(residual, own_exponents(ctx)) for residual in booked],
        _COLUMNS,
        as_json=as_json,
    )


def _residual_json(residual: BookedResidual, exponents: Exponents) -> dict[str, object]:
    """One transaction; ``stands`` is what it left, if it is the last of its round."""
    currency = residual.currency
    return {
        "residual": residual.residual_id,
        "booked_at": instant(residual.booked_at),
        "provider": residual.provider,
        "round": residual.round_id,
        "player": residual.player,
        "currency": currency,
        "before": text(residual.before, currency, exponents),
        "after": text(residual.after, currency, exponents),
        "moved": text(residual.after - residual.before, currency, exponents),
        "stands": text(residual.after, currency, exponents) if residual.stands else None,
        "corrects": residual.corrects,
        "run": residual.run_id,
        "write_off": residual.write_off_id,
    }
