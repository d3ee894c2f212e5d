"""``tieout ledger verify|replay|seal|audit``: prove the books three ways."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.json_output import print_json
from ops.commands.options import AsJson
from ops.context import current, endpoints
from vocabulary.errors import Malformed

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ledger.checks.run import CheckResult
    from ledger.replay.report import ProviderDecoders, ReplayResult
    from ledger.seal.files import SealLine
    from ledger.seal.verify import AuditResult

audit = typer.Typer(no_args_is_help=True, add_completion=False)

DayArgument = Annotated[str, typer.Argument(help="A day in UTC, such as 2026-06-04.")]
_INSTANT = "an instant such as 2026-06-04T12:00:00Z"
#: What takes the total of some work and returns what to call with each part done.
Announce = Callable[[int | None], Callable[[int], None]]


def verify(
    ctx: typer.Context,
    *,
    since: Annotated[
        str | None, typer.Option(help=f"Only wallets that moved since {_INSTANT}: partial.")
    ] = None,
    wallets: Annotated[
        str | None, typer.Option(help="Only wallets of these ids, such as 100-200: partial.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove the books by sums and by order; exit 1 if any check finds something."""
    from ledger.checks.check import WalletScope  # noqa: PLC0415 - heavy
    from ledger.checks.run import checks_for  # noqa: PLC0415
    from ledger.checks.run import verify as prove  # noqa: PLC0415

    scope = WalletScope(since=_instant("--since", since), wallets=_range(wallets))
    checks, left_out = checks_for(scope)
    findings = []
    with _bar("checks") as announce:
        done = announce(len(checks))
        for found in prove(_engine(ctx), scope=scope):
            findings.append(found)
            done(1)
            if not as_json:
                _say_finding(found)
    clean = not any(found.wrong for found in findings)
    if as_json:
        seen = [{**asdict(found), "first": found.first} for found in findings]
        told = {"clean": clean, "partial": scope.is_partial, "scope": scope.text}
        print_json({**told, "left_out": left_out, "checks": seen})
    elif scope.is_partial:
        typer.echo(f"partial: {scope.text}; left out: {', '.join(left_out)}")
    raise typer.Exit(0 if clean else 1)


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
    as_json: AsJson = False,
) -> None:
    """Build the books again from the stored bytes and compare; exit 1 on a difference."""
    from ledger.replay.replay import replay as rebuild  # noqa: PLC0415
    from ledger.replay.report import ReplayWindow  # noqa: PLC0415 - heavy

    voices = _voices(ctx)
    if provider is not None and provider not in voices.providers:
        raise Malformed("--provider", "the slug of a configured provider is expected")
    window = ReplayWindow(
        since=_instant("--from", since), until=_instant("--to", until), provider=provider
    )
    with _bar("rows") as announce:
        seen = rebuild(_engine(ctx), voices, window=window, announce=announce)
    _say_replayed(seen, whole=window.is_whole, as_json=as_json)
    raise typer.Exit(1 if seen.differing else 0)


def seal(ctx: typer.Context, day: DayArgument, *, as_json: AsJson = False) -> None:
    """Seal a day that is over and wholly booked; each seal vouches for the one before."""
    from ledger.seal.seal import seal_day  # noqa: PLC0415 - heavy

    with _bar("lines") as announce:
        sealed = seal_day(_engine(ctx), _day(day), progress=announce(None))
    told = {"day": day, "seal": sealed.hash, "previous": sealed.previous}
    if as_json:
        print_json({**told, "counts": sealed.counts})
        return
    counts = ", ".join(f"{count} {table}" for table, count in sealed.counts.items())
    typer.echo(f"{day} sealed: {sealed.hash}\n{counts}; keep the seal outside this database")


@audit.command("export")
def export(
    ctx: typer.Context,
    day: DayArgument,
    *,
    out: Annotated[Path, typer.Option(help="The file to write; .gz compresses it.")],
) -> None:
    """Write a sealed day as canonical lines; exit 1 if the books no longer give its seal."""
    from ledger.seal.files import write_lines  # noqa: PLC0415 - heavy
    from ledger.seal.seal import exported_lines, seal_of  # noqa: PLC0415

    engine = _engine(ctx)
    sealed = seal_of(engine, _day(day))
    if sealed is None:
        raise Malformed(day, "a sealed day is expected; `tieout ledger seal` seals it")
    last = b""

    def kept(lines: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal last
        for line in lines:
            last = line
            yield line

    with _bar("lines") as announce:
        write_lines(out, kept(exported_lines(engine, sealed, progress=announce(None))))
    found = json.loads(last)["seal"]
    typer.echo(f"{out}: {found}")
    if found != sealed.hash:
        typer.echo(f"the day was sealed as {sealed.hash}: its rows have changed", err=True)
        raise typer.Exit(1)


@audit.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(help="Files of days, oldest first.")],
    *,
    seal: Annotated[
        str | None, typer.Option(help="The last day's seal, as it was kept elsewhere.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove files of sealed days with no database: seals, zero sums, chains; exit 1 if not."""
    from ledger.seal.files import read_lines  # noqa: PLC0415
    from ledger.seal.verify import Auditor  # noqa: PLC0415

    auditor = Auditor()
    with _bar("lines") as announce:
        done = announce(None)
        for file in files:
            auditor.read_day(str(file), _counted(read_lines(file), done))
    if seal is not None:
        auditor.expect_seal(seal)
    _say_audited(auditor.result, as_json=as_json)


@audit.command("compare")
def compare(ctx: typer.Context, file: Path, *, as_json: AsJson = False) -> None:
    """Hold a day's file against the books and name every row that differs; exit 1 if any."""
    from ledger.seal.compare import compare as hold_against  # noqa: PLC0415 - heavy

    with _bar("lines") as announce:
        audited = hold_against(_engine(ctx), file, progress=announce(None))
    _say_audited(audited, as_json=as_json)


@audit.command("recheck")
def recheck(
    ctx: typer.Context,
    *,
    day: Annotated[str | None, typer.Option(help="Only this day; else every one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read sealed days again and compare them with their seals; exit 1 if one has changed."""
    from ledger.seal.seal import recheck as again  # noqa: PLC0415 - heavy

    only = None if day is None else _day(day)
    days = []
    with _bar("lines") as announce:
        for found in again(_engine(ctx), only, progress=announce(None)):
            name = found.seal.day.isoformat()
            days.append({"day": name, "seal": found.seal.hash, "wrong": found.wrong})
            if not as_json:
                typer.echo(f"{'FAIL' if found.wrong else 'ok  '} {name} {found.seal.hash}")
                for what in found.wrong:
                    typer.echo(f"     {what}")
    if only is not None and not days:
        raise Malformed(only.isoformat(), "a sealed day is expected")
    clean = not any(one["wrong"] for one in days)
    if as_json:
        print_json({"clean": clean, "days": days})
    raise typer.Exit(0 if clean else 1)


def register(app: typer.Typer) -> None:
    """Put the commands of this module under ``tieout ledger``."""
    for command in (verify, replay, seal):
        app.command()(command)
    app.add_typer(audit, name="audit", help="Sealed days as files, proven without us.")


def _counted(lines: "Iterator[SealLine]", done: Callable[[int], None]) -> "Iterator[SealLine]":
    for line in lines:
        done(1)
        yield line


def _engine(ctx: typer.Context) -> "Engine":
    from storage.engine import open_engine  # noqa: PLC0415 - heavy

    return open_engine(endpoints(current(ctx)).database_url)


def _voices(ctx: typer.Context) -> "ProviderDecoders":
    from ledger.replay.report import ProviderDecoder, ProviderDecoders  # noqa: PLC0415 - heavy
    from ops.providers.configured import configured  # noqa: PLC0415

    providers = {
        slug: ProviderDecoder(dialect=one.dialect, provider=one.provider, policy=one.policy)
        for slug, one in configured(current(ctx).settings).items()
    }
    return ProviderDecoders(providers=providers)


def _say_finding(found: "CheckResult") -> None:
    mark = "FAIL" if found.wrong else "ok  "
    first = f"; {found.wrong} wrong, first: {found.first}" if found.wrong else ""
    typer.echo(f"{mark} {found.name}: {found.promise} ({found.checked} checked{first})")
    for row in found.named[1:]:
        typer.echo(f"     {row}")


def _say_replayed(seen: "ReplayResult", *, whole: bool, as_json: bool) -> None:
    if as_json:
        print_json({"equal": not seen.differing, "whole": whole, **asdict(seen)})
        return
    typer.echo(
        f"{seen.operations} operations of {seen.wallets} wallets, {seen.decided} decided again;"
        f" {seen.deliveries} deliveries; {seen.differing} rows differ"
    )
    for cause, count in seen.told.items():
        typer.echo(f"taken as they stand: {count} ({cause})")
    if seen.unverifiable:
        rows = ", ".join(seen.unverifiable_first)
        typer.echo(f"cannot be re-verified: {seen.unverifiable}, first: {rows}")
    for one in seen.differences:
        typer.echo(f"FAIL {one.row} {one.provider} {one.op_key}: {one.field}")
        typer.echo(f"     ours   {one.ours}\n     shadow {one.shadow}")


def _say_audited(audited: "AuditResult", *, as_json: bool) -> None:
    if as_json:
        print_json({"clean": not audited.wrong, **asdict(audited)})
    else:
        counts = ", ".join(f"{count} {kind}" for kind, count in audited.counts.items())
        typer.echo(f"{', '.join(audited.days)}: {counts}; {audited.wrong} findings")
        typer.echo("\n".join([*(f"FAIL {x}" for x in audited.findings), audited.seal]).strip())
    raise typer.Exit(1 if audited.wrong else 0)


@contextmanager
def _bar(unit: str) -> Iterator[Announce]:
    """A bar on a terminal's error output; silence elsewhere."""
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TimeElapsedColumn,
    )

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), unit, TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:

        def announce(total: int | None) -> Callable[[int], None]:
            task = bars.add_task(unit, total=total)
            return lambda done: bars.advance(task, done)

        yield announce


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed("DAY", "a day such as 2026-06-04 is expected") from None


def _instant(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(option, f"{_INSTANT} is expected") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()):
        raise Malformed("--wallets", "two wallet ids such as 100-200 are expected")
    return int(first), int(last or first)
