"""A small day with everything in it, booked, sealed and exported; then one unposted bet."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

from ledger.accepting.acceptor import accept_own_operation
from ledger.accepting.own_operations import Deposit, SetBlocked, own_operation_bytes
from ledger.posting.posting import post_all_at
from ledger.seal.files import write_lines
from ledger.seal.seal import exported_lines, seal_day, seal_of
from storage.audit import record
from storage.engine import open_engine
from tests.harness.books.differences.residuals import book_residuals, book_write_off_of_a_break
from tests.harness.books.ledger import (
    NOON,
    SLUG,
    STRICT,
    accept,
    bet,
    deposit,
    open_wallets,
    rollback,
    round_end,
    win,
)
from tests.harness.tampering.replay import fact_decoders, tamper

DAY = date(2020, 6, 4)
MORNING = datetime(2020, 6, 4, 8, tzinfo=UTC)
#: r1 ended with a sweep, r2 is open, b3 is declined, s1 rolled back, gone never received.
FIRST = (
    bet("b1", 300),
    win("w1", 120, bet_key="b1"),
    round_end("e1", of="b1", staked=300, paid=120),
    bet("b2", 50, round_id="r2"),
    bet("b3", 9000, round_id="r3"),
)
SECOND = (
    bet("s1", 40, round_id="s1"),
    rollback("u1", "s1", round_id="s1"),
    rollback("u9", "gone", round_id="s9"),
)
REPEATS = (bet("b1", 300), bet("b1", 301), bet("gone", 5, round_id="s9"))
UNPOSTED = (bet("b4", 60, handle="bob", round_id="r4"),)

DECODERS = fact_decoders([*FIRST, *SECOND, *REPEATS, *UNPOSTED], {SLUG: STRICT})


def quiet(_done: int) -> None:
    """Show no progress."""


def a_sealed_day(database: str, file: Path, *, at: datetime = NOON) -> None:
    """Book and seal the day: ann is wallet 1, bob wallet 2; batches 1 to 6 are sealed.

    Callbacks are received at an instant, which need not be on the day.

    Batch 7 is not posted. ``book_residuals`` books residuals 1 to 3; residual 4 is a write-off.
    """
    open_wallets(database, ("ann", 1000), ("bob", 500))
    accept(database, *FIRST, at=at)
    accept(database, *SECOND, at=at)
    accept(database, *REPEATS, at=at)
    blocked = SetBlocked(
        key="k1", handle="ann", currency="EUR", blocked=True, reason="she asked"
    )
    carry_out(database, blocked)
    carry_out(database, deposit("d1", 70, handle="bob"))
    post_all_at(database)
    book_residuals(database)
    book_write_off_of_a_break(database)
    tamper(database, "UPDATE residuals SET booked_at = '2020-06-04 23:00:00+00'")
    committed = "timestamptz '2020-06-04 12:00:00+00' + batch_id * interval '1 second'"
    tamper(database, f"UPDATE batches SET committed_at = {committed}")
    if at.date() == DAY:
        tamper(database, "UPDATE batches SET posted_at = committed_at")
        tamper(database, "UPDATE entries SET posted_at = '2020-06-04 13:00:00+00'")
    _seal(database, file)
    accept(database, *UNPOSTED)


def carry_out(database: str, order: SetBlocked | Deposit) -> None:
    """Carry out an order of a person, with its row of the audit trail, as a command does."""
    document = json.loads(own_operation_bytes(order))
    detail = {"operation": order.key, "currency": "EUR", "order": document}
    engine = open_engine(database)
    with engine.begin() as connection:
        record(connection, "ann", "order", order.handle, detail)
    engine.dispose()
    accept_own_operation(database, order, now=MORNING)


def _seal(database: str, file: Path) -> None:
    engine = open_engine(database)
    seal_day(engine, DAY, progress=quiet)
    sealed = seal_of(engine, DAY)
    assert sealed is not None
    write_lines(file, exported_lines(engine, sealed, progress=quiet))
    engine.dispose()
