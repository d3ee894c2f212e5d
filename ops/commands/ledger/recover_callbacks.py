"""``tieout ledger recover --log|--sealed``: book lost callbacks again under their own keys."""

from hashlib import file_digest
from pathlib import Path

import typer
from sqlalchemy import Engine

from ledger.replay.report import ProviderDecoders
from ledger.restores.booking import LostOperations, RecoveryResult
from ledger.restores.lost_callbacks import LostCallback, read_sealed_day
from ledger.restores.recoveries import (
    Recovery,
    approve_recovery,
    corrected_rounds,
    propose_recovery,
)
from ledger.restores.steps import Restore
from ops.commands.json_output import print_json
from ops.commands.next_commands import print_next, print_next_for_another
from ops.commands.progress import progress_bars
from ops.commands.provider_choice import entry_named
from ops.context import Context
from ops.providers.callback_log import read_callback_log
from ops.providers.configured import proof_decoders
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.plurals import counted

#: Refused lines that are named; all of them are counted.
NAMED_MAX = 20


def recover_callbacks(
    engine: Engine,
    context: Context,
    restore: Restore,
    *,
    log: Path | None,
    sealed: Path | None,
    providers: list[str] | None,
    approve: bool,
    by: str,
    as_json: bool,
) -> bool:
    """Propose or approve the callbacks of one file; returns whether none is refused.

    Raises:
        Malformed: the file is not what is expected, or its provider is not named.
        RestoreRefused: a step that the rules do not allow.
        Unavailable: the database is out of reach.
    """
    decoders = proof_decoders(context.settings)
    file = log or sealed
    assert file is not None
    callbacks = _of_log(log, context, decoders, providers) if log else read_sealed_day(file)
    lost = LostOperations(callbacks, decoders, corrected_rounds(engine))
    sha256, now = _sha256(file), SystemClock().now()
    if approve:
        recovery = approve_recovery(engine, restore, sha256=sha256, by=by, now=now)
        with progress_bars() as announce:
            progress = announce("callbacks", len(callbacks))
            booking = lost.book(engine, recovery, by=by, progress=progress)
    else:
        booking = lost.try_out(engine)
        recovery = propose_recovery(
            engine,
            restore,
            file=file.name,
            sha256=sha256,
            callbacks=booking.booked,
            by=by,
            now=now,
        )
    _print(recovery, booking, approve=approve, as_json=as_json, option=_options(log, providers))
    return not booking.refused


def _of_log(
    log: Path, context: Context, decoders: ProviderDecoders, providers: list[str] | None
) -> list[LostCallback]:
    if len(providers or ()) != 1:
        raise Malformed("--provider", "one provider's slug is expected beside --log")
    assert providers is not None
    slug = entry_named(context.settings, providers[0]).slug
    return read_callback_log(log, slug, decoders.providers[slug], SystemClock().now())


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def _options(log: Path | None, providers: list[str] | None) -> str:
    return "--sealed FILE" if log is None else f"--log FILE --provider {(providers or [''])[0]}"


def _print(
    recovery: Recovery, booking: RecoveryResult, *, approve: bool, as_json: bool, option: str
) -> None:
    what = "recovered" if approve else "proposed"
    if as_json:
        print_json(
            {
                "recovery": recovery.recovery_id,
                what: booking.booked,
                "known": booking.known,
                "unacknowledged": booking.unacknowledged,
                "refused": {f"line {line}": why for line, why in booking.refused.items()},
            }
        )
        return
    verb = "recovered" if approve else "proposed to recover"
    typer.echo(
        f"{recovery.recovery_id}: {counted(booking.booked, 'operation')} {verb},"
        f" {booking.known} there already, {booking.unacknowledged} never acknowledged,"
        f" {len(booking.refused)} refused"
    )
    for line, why in sorted(booking.refused.items())[:NAMED_MAX]:
        typer.echo(f"refused: line {line}: {why}", err=True)
    if approve:
        print_next("tieout ledger recover --all", "tieout restore verify")
    elif booking.booked:
        print_next_for_another(f"tieout ledger recover {option} --approve")
