"""``tieout ledger residuals``: what tolerances let pass, as it stands in the books."""

from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.json_output import print_json
from ops.commands.ledger.output import instant, table, text
from ops.commands.options import AsJson, Limit, ProviderFilter
from ops.context import current, endpoints

if TYPE_CHECKING:
    from ledger.queries.residuals import BookedResidual


def register(app: typer.Typer) -> None:
    """Add the command to ``tieout ledger``."""
    app.command()(residuals)


def residuals(
    ctx: typer.Context,
    *,
    provider: ProviderFilter = None,
    round_id: Annotated[str | None, typer.Option("--round", help="Only this round's.")] = None,
    standing: Annotated[
        bool, typer.Option("--standing", help="Only what was not taken back or changed since.")
    ] = False,
    most: Limit = 1_000,
    as_json: AsJson = False,
) -> None:
    """What runs moved between GGR and the account of differences, newest first."""
    from ledger.queries.residuals import residuals_of  # noqa: PLC0415 - heavy
    from storage.engine import open_engine  # noqa: PLC0415

    engine = open_engine(endpoints(current(ctx)).database_url)
    found = residuals_of(
        engine, provider=provider, round_id=round_id, standing=standing, limit=most
    )
    engine.dispose()
    lines = [_line(one) for one in found]
    if as_json:
        print_json(lines)
        return
    columns = ["residual", "booked_at", "provider", "round", "player", "moved", "stands"]
    columns += ["currency", "corrects", "run"]
    table(columns, ([_cell(line[column]) for column in columns] for line in lines))


def _line(one: "BookedResidual") -> dict[str, object]:
    """One transaction; ``stands`` is what it left where it is the last of its round."""
    return {
        "residual": one.residual_id,
        "booked_at": instant(one.booked_at),
        "provider": one.provider,
        "round": one.round_id,
        "player": one.player,
        "currency": one.currency,
        "before": text(one.before, one.currency),
        "after": text(one.after, one.currency),
        "moved": text(one.after - one.before, one.currency),
        "stands": text(one.after, one.currency) if one.stands else None,
        "corrects": one.corrects,
        "run": one.run_id,
    }


def _cell(value: object) -> str:
    return "" if value is None else str(value)
