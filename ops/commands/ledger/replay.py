"""``tieout ledger replay``: prove the books by deciding again."""

from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from ledger.replay.beginnings import provable_window
from ledger.replay.decode import BYTES_NOT_KEPT, NOT_CONFIGURED, UNVERIFIABLE
from ledger.replay.replay import replay as replay_books
from ledger.replay.report import ProviderDecoders, ReplayResult, ReplayWindow
from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.ledger.proof_options import (
    INSTANT,
    OLDER_ROWS,
    Cluster,
    Jobs,
    Resume,
    proof_options,
)
from ops.commands.ledger.proof_results import keep_proof
from ops.commands.option_values import read_instant, read_passed_instant
from ops.commands.options import AsJson
from ops.commands.progress import progress_bars
from ops.context import context_of
from ops.providers.configured import proof_decoders
from storage.proofs import ProofKind
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.plurals import counted

#: What to do about rows that cannot be proven.
_REMEDIES = {
    UNVERIFIABLE: "add its secrets of that time to retired_secrets, or check the audit",
    NOT_CONFIGURED: "configure the provider with its secrets",
    BYTES_NOT_KEPT: "only the seal of their day can prove them",
}


def replay(
    ctx: typer.Context,
    *,
    since: Annotated[
        str | None, typer.Option("--from", help=f"Batches committed from {INSTANT}.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Batches committed before this instant.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="Decide again only what this provider sent.")
    ] = None,
    jobs: Jobs = None,
    scheduler: Cluster = None,
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild the books from the stored bytes and compare.

    Exit 1 on a difference, and if a row cannot be proven.
    """
    context, started_at = context_of(ctx), SystemClock().now()
    options = proof_options(
        context, ProofKind.REPLAY, jobs=jobs, scheduler=scheduler, resume=resume
    )
    decoders = proof_decoders(context.settings)
    _require_provider(decoders, provider)
    window = ReplayWindow(
        since=None if since is None else read_passed_instant(since, "--from", started_at),
        until=None if until is None else read_instant(until, "--to"),
        provider=provider,
    )
    engine = open_books(ctx)
    asked, window = window, provable_window(engine, window)
    with progress_bars() as announce:
        result = replay_books(
            engine, decoders, window=window, announce=partial(announce, "rows"), options=options
        )
    keep_proof(
        engine,
        ProofKind.REPLAY,
        scope="" if window.is_whole else window.text,
        started_at=started_at,
        is_clean=result.is_proven,
        detail=_replay_detail(result),
    )
    if as_json:
        whole = {"equal": not result.differing, "whole": window.is_whole}
        print_json({**whole, **asdict(result)})
    else:
        _print_replay(result)
        if window != asked:
            typer.echo(f"partial: {window.text}\n{OLDER_ROWS}")
    raise typer.Exit(0 if result.is_proven else 1)


def _replay_detail(result: ReplayResult) -> str:
    differing = counted(result.differing, "row differs", "rows differ")
    return f"{counted(result.operations, 'operation')}, {differing}"


def _require_provider(decoders: ProviderDecoders, provider: str | None) -> None:
    if provider is not None and provider not in decoders.providers:
        raise Malformed("--provider", "the slug of a configured provider is expected")


def _print_replay(result: ReplayResult) -> None:
    typer.echo(
        f"{counted(result.operations, 'operation')} of "
        f"{counted(result.wallets, 'wallet')}, {result.decided} decided"
        f" again; {counted(result.deliveries, 'delivery')}; "
        f"{counted(result.differing, 'row differs', 'rows differ')}"
    )
    for cause, count in result.told.items():
        typer.echo(f"taken as they stand: {count} ({cause})")
    if result.unverifiable:
        rows = ", ".join(result.unverifiable_first)
        typer.echo(f"cannot be re-verified: {result.unverifiable}, first: {rows}")
    for cause, count in result.unproven.items():
        typer.echo(f"NOT PROVEN {counted(count, 'row')}: {cause}; {_REMEDIES[cause]}")
    for difference in result.differences:
        place = f"{difference.row} {difference.provider} {difference.op_key}"
        typer.echo(f"FAIL {place}: {difference.field}")
        typer.echo(f"     ours   {difference.ours}\n     shadow {difference.shadow}")
