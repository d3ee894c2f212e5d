"""``tieout ledger verify|replay``: prove the books by checks and by deciding again."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Annotated

import typer
from sqlalchemy import Engine

from ledger.checks.check import MonthEnd, WalletScope
from ledger.checks.run import CheckResult, checks_for, newest_month_end, provable_scope
from ledger.checks.run import verify as run_checks
from ledger.replay.beginnings import provable_window
from ledger.replay.decode import BYTES_NOT_KEPT, NOT_CONFIGURED, UNVERIFIABLE
from ledger.replay.replay import replay as replay_books
from ledger.replay.report import ProviderDecoders, ReplayResult, ReplayWindow
from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.ledger.proof_options import Cluster, Jobs, Resume, proof_options
from ops.commands.ledger.proof_results import keep_proof
from ops.commands.option_values import read_instant
from ops.commands.options import AsJson
from ops.commands.progress import progress_bars
from ops.context import context_of
from ops.providers.configured import proof_decoders
from storage.proofs import ProofKind
from vocabulary.clock import SystemClock, iso
from vocabulary.errors import Malformed, NotAllowed
from vocabulary.plurals import counted

#: What to do about rows that cannot be proven.
_REMEDIES = {
    UNVERIFIABLE: "add its secrets of that time to retired_secrets, or check the audit",
    NOT_CONFIGURED: "configure the provider with its secrets",
    BYTES_NOT_KEPT: "only the seal of their day can prove them",
}
#: What proves the rows that a proof no longer reads.
_OLDER_ROWS = (
    "rows of earlier months left for archives, whose files `tieout archive check` proves"
    " against the seals"
)
_INSTANT = "an instant such as 2026-06-04T12:00:00Z"

FromMonthEnd = Annotated[
    bool,
    typer.Option(
        "--from-month-end",
        help="Only what came after the newest month that was let go: partial.",
    ),
]


def verify(
    ctx: typer.Context,
    *,
    since: Annotated[
        str | None, typer.Option(help=f"Only wallets that moved since {_INSTANT}: partial.")
    ] = None,
    wallets: Annotated[
        str | None, typer.Option(help="Only wallets of these ids, such as 100-200: partial.")
    ] = None,
    from_month_end: FromMonthEnd = False,
    jobs: Jobs = None,
    scheduler: Cluster = None,
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    """Prove the books: sums, balances, chains, postings; exit 1 if a check fails."""
    scope = WalletScope(
        since=None if since is None else read_instant(since, "--since"),
        wallets=_range(wallets),
    )
    options = proof_options(
        context_of(ctx), ProofKind.VERIFY, jobs=jobs, scheduler=scheduler, resume=resume
    )
    engine, started_at = open_books(ctx), SystemClock().now()
    if from_month_end:
        scope = replace(scope, month_end=_newest_month_end(engine))
    asked, scope = scope, provable_scope(engine, scope)
    checks, left_out = checks_for(scope)
    results: list[CheckResult] = []
    with progress_bars() as announce:
        done = announce("checks", len(checks))
        for result in run_checks(engine, scope=scope, options=options):
            results.append(result)
            done(1)
            if not as_json:
                _print_result(result)
    clean = not any(result.wrong for result in results)
    keep_proof(
        engine,
        ProofKind.VERIFY,
        scope=scope.text if scope.is_partial else "",
        started_at=started_at,
        is_clean=clean,
        detail=verify_detail(results),
    )
    if as_json:
        _print_document(scope, results, left_out)
    elif scope.is_partial:
        _print_scope(scope, left_out, is_as_asked=scope == asked)
    raise typer.Exit(0 if clean else 1)


def _print_scope(scope: WalletScope, left_out: Sequence[str], *, is_as_asked: bool) -> None:
    typer.echo(f"partial: {scope.text}; left out: {', '.join(left_out)}")
    if not is_as_asked:
        typer.echo(_OLDER_ROWS)


def _print_document(
    scope: WalletScope, results: Sequence[CheckResult], left_out: Sequence[str]
) -> None:
    clean = not any(result.wrong for result in results)
    document = {"clean": clean, "partial": scope.is_partial, "scope": scope.text}
    findings = [{**asdict(result), "first": result.first} for result in results]
    print_json({**document, "left_out": left_out, "checks": findings})


def replay(
    ctx: typer.Context,
    *,
    since: Annotated[
        str | None, typer.Option("--from", help=f"Batches committed from {_INSTANT}.")
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
    context = context_of(ctx)
    options = proof_options(
        context, ProofKind.REPLAY, jobs=jobs, scheduler=scheduler, resume=resume
    )
    decoders = proof_decoders(context.settings)
    _require_provider(decoders, provider)
    window = ReplayWindow(
        since=None if since is None else read_instant(since, "--from"),
        until=None if until is None else read_instant(until, "--to"),
        provider=provider,
    )
    engine, started_at = open_books(ctx), SystemClock().now()
    asked, window = window, provable_window(engine, window)
    with progress_bars() as announce:
        result = replay_books(
            engine, decoders, window=window, announce=partial(announce, "rows"), options=options
        )
    keep_proof(
        engine,
        ProofKind.REPLAY,
        scope="" if window.is_whole else _window_text(window),
        started_at=started_at,
        is_clean=result.is_proven,
        detail=_replay_detail(result),
    )
    if as_json:
        whole = {"equal": not result.differing, "whole": window.is_whole}
        print_json({**whole, **asdict(result)})
    else:
        _print_replay(result)
    if window != asked and not as_json:
        typer.echo(f"partial: {_window_text(window)}\n{_OLDER_ROWS}")
    raise typer.Exit(0 if result.is_proven else 1)


def _replay_detail(result: ReplayResult) -> str:
    differing = counted(result.differing, "row differs", "rows differ")
    return f"{counted(result.operations, 'operation')}, {differing}"


def _require_provider(decoders: ProviderDecoders, provider: str | None) -> None:
    if provider is not None and provider not in decoders.providers:
        raise Malformed("--provider", "the slug of a configured provider is expected")


def _newest_month_end(engine: Engine) -> MonthEnd:
    month_end = newest_month_end(engine)
    if month_end is None:
        raise NotAllowed("there is no month end yet: `tieout archive approve` takes the first")
    return month_end


def verify_detail(results: Sequence[CheckResult]) -> str:
    """The results of all checks in a sentence."""
    wrong = [result for result in results if result.wrong]
    if not wrong:
        return f"{counted(len(results), 'check holds', 'checks hold')}"
    return "; ".join(f"{result.name}: {result.wrong} wrong" for result in wrong)


def _window_text(window: ReplayWindow) -> str:
    parts = (
        ("from", window.since and iso(window.since)),
        ("to", window.until and iso(window.until)),
        ("provider", window.provider),
    )
    return ", ".join(f"{name} {value}" for name, value in parts if value)


def _print_result(result: CheckResult) -> None:
    mark = "FAIL" if result.wrong else "ok  "
    first = f"; {result.wrong} wrong, first: {result.first}" if result.wrong else ""
    typer.echo(f"{mark} {result.name}: {result.promise} ({result.checked} checked{first})")
    for row in result.named[1:]:
        typer.echo(f"     {row}")


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


def _range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()):
        raise Malformed("--wallets", "two wallet ids such as 100-200 are expected")
    return int(first), int(last or first)
