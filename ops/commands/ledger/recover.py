"""``tieout ledger recover``: book again what a restore of the database lost."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine, text

from breaks.bulk import STATES, BulkAction, BulkOrder
from breaks.kinds import BreakKind
from breaks.lists.queries import BreakFilter
from breaks.policy import NO_LIMITS
from breaks.store import TrackedBreak
from ledger.corrections.adjustments import pending_adjustments
from ledger.restores.steps import Restore, RestoreRefused, restores_of_loss
from ops.commands.breaks.bulk_corrections import Corrected, correct_all, print_refused
from ops.commands.database import refusals
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.ledger.recover_callbacks import recover_callbacks
from ops.commands.limits import limits_in_force
from ops.commands.next_commands import print_next, print_next_for_another
from ops.commands.option_values import read_maturity
from ops.commands.options import AsJson, By, EveryProvider, Maturity, Providers
from ops.commands.reconcile.options import Options, run_options
from ops.commands.scope import entries_of
from ops.context import Context, context_of, database_url
from ops.providers.book_trials import book_trials
from ops.providers.maturity import maturity_now
from ops.providers.reconciliation import reconcile_provider
from ops.settings.break_policy import exponents_of
from ops.settings.model import ProviderSettings
from storage.transactions import reading
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.people import Right
from vocabulary.plurals import counted
from vocabulary.window import Window

#: What differs where operations of a round were lost, wholly or in part.
KINDS = (
    *(BreakKind.MISSING_IN_LEDGER, BreakKind.STAKE, BreakKind.PAYOUT),
    BreakKind.STATUS,
)
#: Rounds may begin before what was restored ends; their last operations are lost all the same.
BEFORE = timedelta(hours=1)
_FIRST_RECORD = "SELECT min(created_at) FROM feed_records WHERE provider = :provider"


def recover(
    ctx: typer.Context,
    *,
    provider: Providers = None,
    every: EveryProvider = False,
    maturity: Maturity = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", help="A provider's log of callbacks and replies, as JSON Lines."),
    ] = None,
    sealed: Annotated[
        Path | None,
        typer.Option("--sealed", help="A sealed day's file that was kept elsewhere."),
    ] = None,
    approve: Annotated[
        bool, typer.Option("--approve", help="Approve what another person proposed.")
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Propose to book again what a restore lost; another person approves it.

    A provider's log of callbacks, or a sealed day's file, gives operations back under their own
    keys and with their first replies. What no file has is found by the provider's history since
    the instant that was restored, and corrected by round: pull or import it first.
    Exit 1 if something is refused.
    """
    context = context_of(ctx)
    if log is not None and sealed is not None:
        raise Malformed("--sealed", "either --log or --sealed is expected")
    is_file = log is not None or sealed is not None
    if not (provider or every or is_file):
        raise Malformed("--provider", "a provider's slug, or --all, is expected")
    entries = entries_of(context.settings, provider, every=every)
    engine, name = open_books_as(ctx, by, Right.DECIDE if approve else Right.PROPOSE)
    with refusals():
        restores = _begun(engine)
        if is_file:
            is_whole = recover_callbacks(
                engine,
                context,
                restores[-1],
                log=log,
                sealed=sealed,
                providers=provider,
                approve=approve,
                by=name,
                as_json=as_json,
            )
            raise typer.Exit(0 if is_whole else 1)
        recovered = (
            _approve(engine, context, restores, entries, by=name)
            if approve
            else _propose(engine, context, restores, entries, maturity=maturity, by=name)
        )
    _print(recovered, approve=approve, as_json=as_json)
    raise typer.Exit(1 if recovered.refused else 0)


def lost_window(engine: Engine, restores: Sequence[Restore], provider: str) -> Window:
    """What was lost of a provider: from what the first of the restores kept to the last one.

    Where that kept no batch, everything that the provider has a record of may be lost.
    """
    begun_at = restores[-1].begun_at
    since = restores[0].restored_to or _first_record(engine, provider) or begun_at
    return Window(start=min(since, begun_at) - BEFORE, end=begun_at)


def _first_record(engine: Engine, provider: str) -> datetime | None:
    with reading(engine, "history") as connection:
        first: datetime | None = connection.execute(
            text(_FIRST_RECORD), {"provider": provider}
        ).scalar_one()
        return first


def _begun(engine: Engine) -> tuple[Restore, ...]:
    restores = restores_of_loss(engine)
    if not restores:
        raise RestoreRefused("nothing was restored; `tieout restore begin` begins a restore")
    return restores


def _propose(
    engine: Engine,
    context: Context,
    restores: Sequence[Restore],
    entries: list[ProviderSettings],
    *,
    maturity: str | None,
    by: str,
) -> Corrected:
    asked = read_maturity(maturity)
    runs = [
        _compare(context, entry, lost_window(engine, restores, entry.slug), asked)
        for entry in entries
    ]
    reason = _reason(restores[-1])
    order = _order(engine, context, BulkAction.PROPOSE, by=by, reason=reason)
    return _all(
        correct_all(
            engine,
            BreakFilter(run_id=run, kind=kind, states=STATES[BulkAction.PROPOSE]),
            order,
        )
        for run in runs
        for kind in KINDS
    )


def _approve(
    engine: Engine,
    context: Context,
    restores: Sequence[Restore],
    entries: list[ProviderSettings],
    *,
    by: str,
) -> Corrected:
    reasons = {_reason(restore) for restore in restores}
    proposed = tuple(
        {
            str(adjustment.break_id)
            for adjustment in pending_adjustments(engine)
            if adjustment.reason in reasons and adjustment.break_id is not None
        }
    )
    reason = _reason(restores[-1])
    order = _order(engine, context, BulkAction.APPROVE, by=by, reason=reason)
    return _all(
        correct_all(
            engine,
            BreakFilter(provider=entry.slug, ids=proposed, states=STATES[BulkAction.APPROVE]),
            order,
        )
        for entry in entries
    )


def _reason(restore: Restore) -> str:
    """By which the proposals of a restore are found again."""
    return f"lost by restore {restore.epoch}: {restore.reason}"


def _compare(
    context: Context, entry: ProviderSettings, window: Window, maturity: timedelta | None
) -> str:
    """Compare both sides of the window; returns the run's id."""
    url = database_url(context)
    used = maturity_now(url, entry, SystemClock()) if maturity is None else maturity
    options = Options(
        maturity=maturity,
        incremental=False,
        close_day=False,
        reason="",
        partitions=None,
        workers=1,
        scheduler=None,
        resume=False,
    )
    with run_options(options, context.data_dir, entry.slug, window) as run:
        result = reconcile_provider(url, entry, window, maturity=used, close=None, options=run)
    return result.run_id


def _order(
    engine: Engine, context: Context, action: BulkAction, *, by: str, reason: str
) -> BulkOrder:
    settings = context.settings
    approves = action is BulkAction.APPROVE
    return BulkOrder(
        action=action,
        by=by,
        reason=reason,
        to="",
        limits=limits_in_force(engine, settings, by=by).write_offs if approves else NO_LIMITS,
        try_corrections=book_trials(settings, database_url(context)),
        exponents=partial(exponents_of, settings),
        books=True,
    )


def _all(parts: Iterable[Corrected]) -> Corrected:
    breaks: list[TrackedBreak] = []
    refused: dict[str, str] = {}
    for part in parts:
        breaks += part.breaks
        refused |= part.refused
    return Corrected(breaks=breaks, refused=refused)


def _print(done: Corrected, *, approve: bool, as_json: bool) -> None:
    ids = [break_.break_id for break_ in done.breaks]
    if as_json:
        key = "recovered" if approve else "proposed"
        print_json({key: ids, "refused": done.refused})
        return
    what = "recovered" if approve else "proposed to recover"
    typer.echo(f"{counted(len(ids), 'round')} {what}, {len(done.refused)} refused")
    print_refused(done.refused, ids)
    if approve:
        print_next("tieout restore verify")
    elif ids:
        print_next_for_another("tieout ledger recover --all --approve")
