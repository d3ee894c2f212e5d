"""``tieout restore begin|status|verify|finish``: from a restored database to open books."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from ledger.checks.run import CHECKS
from ledger.checks.run import verify as run_checks
from ledger.replay.replay import replay
from ledger.replay.report import ProviderDecoders
from ledger.restores.steps import (
    Restore,
    begin_restore,
    finish_restore,
    keep_verification,
    last_restore,
)
from ledger.seal.compare import compare
from ledger.seal.seal import recheck
from ops.commands.database import open_books, refusals
from ops.commands.identity import open_books_as, open_books_for
from ops.commands.json_output import print_json
from ops.commands.ledger.verify import verify_detail
from ops.commands.next_commands import print_next_for_another
from ops.commands.options import AsJson, By, Reason
from ops.commands.progress import progress_bars
from ops.context import context_of, database_url
from ops.providers.configured import proof_decoders
from storage.people import act_as
from storage.transactions import engine_at
from vocabulary.clock import SystemClock, iso
from vocabulary.errors import Malformed
from vocabulary.people import Right
from vocabulary.plurals import counted

#: Announces a proof and returns the function that counts what is done of it.
_Announce = Callable[[str, int | None], Callable[[int], None]]
#: A proof's result in words, and whether it holds.
_Proof = tuple[str, bool]


def begin(
    ctx: typer.Context, *, reason: Reason, by: By = None, as_json: AsJson = False
) -> None:
    """Hold the books of a restored database and begin a new epoch of transaction ids.

    Receivers answer "retry later" and nothing is booked until the restore is finished.
    """
    context = context_of(ctx)
    _, actor = open_books_for(ctx, by, Right.RESTORE)
    with refusals(), engine_at(context.owner_url, pool_size=1) as owner:
        act_as(owner, actor)
        restore = begin_restore(
            owner,
            by=actor.person.name,
            reason=reason,
            takes_two=context.settings.ledger.restores_take_two,
            now=SystemClock().now(),
        )
    _print(restore, as_json=as_json)


def status(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Show the restore that is under way, or the last one; exit 1 while one is under way."""
    restore = last_restore(open_books(ctx))
    if restore is None:
        if as_json:
            print_json(None)
        else:
            typer.echo("this database was never restored")
        return
    _print(restore, as_json=as_json)
    raise typer.Exit(1 if restore.is_under_way else 0)


def verify(
    ctx: typer.Context,
    *,
    files: Annotated[
        list[Path] | None,
        typer.Option("--sealed", help="A sealed day's file, as kept elsewhere; repeatable."),
    ] = None,
    seal: Annotated[
        str | None, typer.Option(help="The last seal that was kept elsewhere.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Prove the restored books; exit 1 if a proof fails.

    The proofs: checks, replay, sealed days, and files of days that were kept elsewhere.
    """
    decoders = proof_decoders(context_of(ctx).settings)
    for file in files or ():
        if not file.is_file():
            raise Malformed("--sealed", f"{file}: a sealed day's file is expected")
    engine, name = open_books_as(ctx, by, Right.RESTORE)
    # An engine of its own: one that says who acts begins each transaction with a statement, and
    # a snapshot has to be set before any.
    url = database_url(context_of(ctx))
    with progress_bars() as announce, engine_at(url, pool_size=1) as books:
        proofs: dict[str, _Proof] = {
            "verify": _checks(books, announce),
            "replay": _replayed(books, decoders, announce),
            "seals": _sealed_days(books, seal, announce),
            **{f"file {file.name}": _file(books, file, announce) for file in files or ()},
        }
    is_clean = all(holds for _, holds in proofs.values())
    with refusals():
        restore = keep_verification(
            engine,
            proofs={proof: words for proof, (words, _) in proofs.items()},
            is_clean=is_clean,
            by=name,
            now=SystemClock().now(),
        )
    if as_json:
        print_json(_restore_json(restore))
    else:
        for proof, (words, holds) in proofs.items():
            typer.echo(f"{'ok  ' if holds else 'FAIL'} {proof}: {words}")
        if is_clean:
            _print_finish(restore)
    raise typer.Exit(0 if is_clean else 1)


def finish(
    ctx: typer.Context,
    *,
    despite: Annotated[
        str | None,
        typer.Option(help="Finish although the verification found differences: the reason."),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Open the books after a verification that holds; by default it takes a second person."""
    engine, name = open_books_as(ctx, by, Right.RESTORE)
    with refusals():
        restore = finish_restore(engine, by=name, despite=despite, now=SystemClock().now())
    _print(restore, as_json=as_json)


def _checks(engine: Engine, announce: _Announce) -> _Proof:
    done = announce("checks", len(CHECKS))
    results = []
    for result in run_checks(engine):
        results.append(result)
        done(1)
    return verify_detail(results), not any(result.wrong for result in results)


def _replayed(engine: Engine, decoders: ProviderDecoders, announce: _Announce) -> _Proof:
    result = replay(engine, decoders, announce=partial(announce, "rows"))
    words = (
        f"{counted(result.operations, 'operation')},"
        f" {counted(result.differing, 'row differs', 'rows differ')}"
    )
    return words, result.is_proven


def _sealed_days(engine: Engine, seal: str | None, announce: _Announce) -> _Proof:
    checked = list(recheck(engine, None, progress=announce("sealed lines", None)))
    wrong = sum(bool(day.wrong) for day in checked)
    words = f"{counted(len(checked), 'sealed day')} read again, {wrong} changed"
    if seal is None:
        return words, not wrong
    is_there = any(day.seal.hash == seal for day in checked)
    held = "there" if is_there else "not there: its day was sealed after what was restored"
    return f"{words}; the seal kept elsewhere is {held}", is_there and not wrong


def _file(engine: Engine, file: Path, announce: _Announce) -> _Proof:
    result = compare(engine, file, progress=announce(file.name, None))
    return (
        f"{', '.join(result.days)}, {counted(result.wrong, 'row differs', 'rows differ')}",
        not result.wrong,
    )


def _print(restore: Restore, *, as_json: bool) -> None:
    if as_json:
        print_json(_restore_json(restore))
        return
    for line in _lines(restore):
        typer.echo(line)
    if restore.is_under_way and restore.is_clean:
        _print_finish(restore)


def _lines(restore: Restore) -> Iterator[str]:
    until = iso(restore.restored_to) if restore.restored_to else "nothing"
    yield (
        f"restore {restore.epoch}, begun by {restore.begun_by} at {iso(restore.begun_at)}:"
        f" {restore.reason}"
    )
    yield f"restored up to batch {restore.after_batch}, committed {until}"
    if restore.verified_at is not None:
        result = "holds" if restore.is_clean else "found differences"
        yield f"verified {iso(restore.verified_at)}: {result}"
    if restore.finished_at is not None:
        yield f"finished by {restore.finished_by} at {iso(restore.finished_at)}: books are open"
    else:
        yield "the books are held: receivers answer that providers should come back"


def _print_finish(restore: Restore) -> None:
    if restore.takes_two:
        print_next_for_another("tieout restore finish")
    else:
        typer.echo("→ tieout restore finish")


def _restore_json(restore: Restore) -> Mapping[str, object]:
    return {
        "epoch": restore.epoch,
        "after_batch": restore.after_batch,
        "restored_to": restore.restored_to,
        "begun_at": restore.begun_at,
        "begun_by": restore.begun_by,
        "reason": restore.reason,
        "under_way": restore.is_under_way,
        "verified_at": restore.verified_at,
        "clean": restore.is_clean,
        "proofs": restore.proofs,
        "finished_at": restore.finished_at,
        "finished_by": restore.finished_by,
        "takes_two": restore.takes_two,
    }
