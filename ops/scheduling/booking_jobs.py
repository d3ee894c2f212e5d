"""The job that books corrections and write-offs which somebody approved in the console.

The console approves with a role that cannot write the books. An interrupted approval on the
command line is completed, too.
"""

from datetime import timedelta

import structlog
from sqlalchemy import Engine

from breaks.corrections.proposals import approved_breaks, book
from breaks.write_offs import book_approved_write_off, breaks_to_write_off
from ledger.corrections.adjustments import AdjustmentRefused, NotBookedYet
from vocabulary.clock import Clock
from vocabulary.errors import Contradiction, NotAllowed
from workers.scheduler import Job

#: How long an approved correction waits at most before it is booked.
EVERY = timedelta(seconds=2)

log = structlog.get_logger()


def booking_job(engine: Engine, clock: Clock) -> Job:
    """Book what is approved; several schedulers may, because a booking happens once."""
    return Job(
        name="book_corrections",
        every=EVERY,
        run=lambda _slot: _book_approved(engine, clock),
        exclusive=False,
    )


def _book_approved(engine: Engine, clock: Clock) -> None:
    book_approved_corrections(engine, clock)
    book_approved_write_offs(engine, clock)


def book_approved_corrections(engine: Engine, clock: Clock) -> int:
    """Book the approved corrections of every break; returns how many breaks are posted by it.

    A correction that the ledger refuses or puts off stays approved, and keeps no other waiting.

    Raises:
        Unavailable: the database is out of reach.
    """
    booked = 0
    for break_id, by in approved_breaks(engine):
        try:
            book(engine, break_id, by=by, clock=clock)
        except (AdjustmentRefused, Contradiction, NotBookedYet) as error:
            log.warning("correction_not_booked", break_id=break_id, error=str(error))
            continue
        log.info("correction_booked", break_id=break_id)
        booked += 1
    return booked


def book_approved_write_offs(engine: Engine, clock: Clock) -> int:
    """Book the approved write-offs of every break; returns how many are written off by it.

    One that differs by another amount by now stays approved until a run takes it back.

    Raises:
        Unavailable: the database is out of reach.
    """
    booked = 0
    for break_id in breaks_to_write_off(engine):
        try:
            is_booked = book_approved_write_off(engine, break_id, now=clock.now())
        except NotAllowed as error:
            log.warning("write_off_not_booked", break_id=break_id, error=str(error))
            continue
        if is_booked:
            log.info("write_off_booked", break_id=break_id)
            booked += 1
    return booked
