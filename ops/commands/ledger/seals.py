"""``tieout ledger seal|audit``: seal a day, and prove sealed days from files."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from ledger.seal.check_files import Auditor, AuditResult
from ledger.seal.compare import compare as compare_with_books
from ledger.seal.files import SealLine, read_lines, write_lines
from ledger.seal.seal import RecheckResult, exported_lines, seal_day, seal_of
from ledger.seal.seal import recheck as recheck_seals
from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.ledger.proof_results import keep_proof
from ops.commands.option_values import read_business_day
from ops.commands.options import AsJson
from ops.commands.progress import progress_bars
from storage.proofs import ProofKind
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.plurals import counted

#: What proves the seal of a day whose rows left.
_PROVEN_BY = "`tieout archive check` proves their seals from the files"

audit = typer.Typer(no_args_is_help=True, add_completion=False)

SealedDay = Annotated[str, typer.Argument(help="A day in UTC: 2026-06-04 or yesterday.")]


def seal(ctx: typer.Context, day: SealedDay, *, as_json: AsJson = False) -> None:
    """Seal a day that is over and completely booked; each seal covers the one before."""
    with progress_bars() as announce:
        sealed = seal_day(open_books(ctx), _day(day), progress=announce("lines", None))
    if as_json:
        document = {"day": _day(day), "seal": sealed.hash, "previous": sealed.previous}
        print_json({**document, "counts": sealed.counts})
        return
    counts = ", ".join(f"{count} {table}" for table, count in sealed.counts.items())
    typer.echo(
        f"{_day(day)} sealed: {sealed.hash}\n{counts}; keep the seal outside this database"
    )


@audit.command()
def export(
    ctx: typer.Context,
    day: SealedDay,
    *,
    out: Annotated[Path, typer.Option(help="The file to write; .gz compresses it.")],
) -> None:
    """Write a sealed day as canonical lines; exit 1 if the books no longer give its seal."""
    engine = open_books(ctx)
    sealed = seal_of(engine, _day(day))
    if sealed is None:
        raise Malformed(day, "a sealed day is expected; `tieout ledger seal` seals it")
    last = b""

    def remember_last(lines: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal last
        for line in lines:
            last = line
            yield line

    with progress_bars() as announce:
        lines = exported_lines(engine, sealed, progress=announce("lines", None))
        write_lines(out, remember_last(lines))
    exported_seal = json.loads(last)["seal"]
    typer.echo(f"{out}: {exported_seal}")
    if exported_seal != sealed.hash:
        typer.echo(f"the day was sealed as {sealed.hash}: its rows have changed", err=True)
        raise typer.Exit(1)


@audit.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Files of days, oldest first.")],
    *,
    seal: Annotated[
        str | None, typer.Option(help="The last day's seal, as kept elsewhere.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check files of sealed days without the database; exit 1 if a check fails.

    The checks: seals, sums of zero, chains.
    """
    auditor = Auditor()
    with progress_bars() as announce:
        done = announce("lines", None)
        for file in files:
            auditor.read_day(str(file), _counted(read_lines(file), done))
    if seal is not None:
        auditor.expect_seal(seal)
    _print_audit(auditor.result, as_json=as_json)


@audit.command()
def compare(ctx: typer.Context, file: Path, *, as_json: AsJson = False) -> None:
    """Compare a day's file with the books and list every row that differs; exit 1 if any."""
    with progress_bars() as announce:
        result = compare_with_books(open_books(ctx), file, progress=announce("lines", None))
    _print_audit(result, as_json=as_json)


@audit.command()
def recheck(
    ctx: typer.Context,
    *,
    day: Annotated[str | None, typer.Option(help="Only this day; else every one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read sealed days again and compare them with their seals.

    Exit 1 if one has changed, and if no day is sealed.
    """
    only = None if day is None else _day(day)
    days = []
    engine, started_at = open_books(ctx), SystemClock().now()
    with progress_bars() as announce:
        progress = announce("lines", None)
        for checked in recheck_seals(engine, only, progress=progress):
            name = checked.seal.day.isoformat()
            document = {"day": name, "seal": checked.seal.hash, "wrong": checked.wrong}
            days.append(document | ({"away": True} if checked.is_away else {}))
            if not as_json:
                typer.echo(f"{_mark(checked)} {name} {checked.seal.hash}")
                for finding in checked.wrong:
                    typer.echo(f"     {finding}")
    if only is not None and not days:
        raise Malformed(only.isoformat(), "a sealed day is expected")
    if not days:
        typer.echo("no day is sealed, so nothing is proven: see `tieout ledger seal`", err=True)
    clean = bool(days) and not any(entry["wrong"] for entry in days)
    wrong = sum(bool(entry["wrong"]) for entry in days)
    away = sum("away" in entry for entry in days)
    if away:
        typer.echo(f"rows of {counted(away, 'day')} left for archives: {_PROVEN_BY}", err=True)
    keep_proof(
        engine,
        ProofKind.RECHECK,
        scope="" if only is None else only.isoformat(),
        started_at=started_at,
        is_clean=clean,
        detail=f"{counted(len(days), 'sealed day read again', 'sealed days read again')}"
        f", {wrong} changed"
        + (f", rows of {counted(away, 'day')} in archives" if away else ""),
    )
    if as_json:
        print_json({"clean": clean, "days": days})
    raise typer.Exit(0 if clean else 1)


def _counted(lines: Iterator[SealLine], done: Callable[[int], None]) -> Iterator[SealLine]:
    for line in lines:
        done(1)
        yield line


def _print_audit(result: AuditResult, *, as_json: bool) -> None:
    if as_json:
        print_json({"clean": not result.wrong, **asdict(result)})
    else:
        counts = ", ".join(f"{count} {kind}" for kind, count in result.counts.items())
        typer.echo(f"{', '.join(result.days)}: {counts}; {counted(result.wrong, 'finding')}")
        findings = [f"FAIL {finding}" for finding in result.findings]
        typer.echo("\n".join([*findings, result.seal]).strip())
    raise typer.Exit(1 if result.wrong else 0)


def _day(text: str) -> date:
    return read_business_day(text, "UTC", SystemClock().now(), option="DAY")


def _mark(checked: RecheckResult) -> str:
    if checked.wrong:
        return "FAIL"
    return "away" if checked.is_away else "ok  "
