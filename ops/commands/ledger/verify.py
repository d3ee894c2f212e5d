"""``tieout ledger verify``: prove the books by checks."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Annotated

import typer
from sqlalchemy import Engine

from ledger.checks.check import MonthEnd, WalletScope
from ledger.checks.run import CheckResult, checks_for, newest_month_end, provable_scope
from ledger.checks.run import verify as run_checks
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
from ops.commands.option_values import read_passed_instant
from ops.commands.options import AsJson
from ops.commands.progress import progress_bars
from ops.context import context_of
from storage.proofs import ProofKind
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed, NotAllowed
from vocabulary.plurals import counted

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
        str | None, typer.Option(help=f"Only wallets that moved since {INSTANT}: partial.")
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
    started_at = SystemClock().now()
    scope = WalletScope(
        since=None if since is None else read_passed_instant(since, "--since", started_at),
        wallets=_range(wallets),
    )
    options = proof_options(
        context_of(ctx), ProofKind.VERIFY, jobs=jobs, scheduler=scheduler, resume=resume
    )
    engine = open_books(ctx)
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
        typer.echo(OLDER_ROWS)


def _print_document(
    scope: WalletScope, results: Sequence[CheckResult], left_out: Sequence[str]
) -> None:
    clean = not any(result.wrong for result in results)
    document = {"clean": clean, "partial": scope.is_partial, "scope": scope.text}
    findings = [{**asdict(result), "first": result.first} for result in results]
    print_json({**document, "left_out": left_out, "checks": findings})


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


def _print_result(result: CheckResult) -> None:
    mark = "FAIL" if result.wrong else "ok  "
    first = f"; {result.wrong} wrong, first: {result.first}" if result.wrong else ""
    typer.echo(f"{mark} {result.name}: {result.promise} ({result.checked} checked{first})")
    for row in result.named[1:]:
        typer.echo(f"     {row}")
    if result.wrong and result.remedy is not None:
        typer.echo(f"     to mend it: {result.remedy}")


def _range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()):
        raise Malformed("--wallets", "two wallet ids such as 100-200 are expected")
    return int(first), int(last or first)
