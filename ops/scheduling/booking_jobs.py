"""The job that books corrections which somebody approved where they could not be booked.

The console approves with a role that cannot write the books. An interrupted approval on the
command line is completed, too.
"""

from datetime import timedelta

import structlog
from sqlalchemy import Engine

from breaks.corrections import approved_breaks, book
from ledger.corrections.adjustments import AdjustmentRefused
from vocabulary.clock import Clock
from vocabulary.errors import Contradiction
from workers.scheduler import Job

#: How long an approved correction waits at most before it is booked.
EVERY = timedelta(seconds=2)

log = structlog.get_logger()


def booking_job(engine: Engine, clock: Clock) -> Job:
    """Book what is approved; several schedulers may, because a booking happens once."""
    return Job(
        name="book_corrections",
        every=EVERY,
        run=lambda _slot: book_approved_corrections(engine, clock),
        exclusive=False,
    )


def book_approved_corrections(engine: Engine, clock: Clock) -> int:
    """Book the approved corrections of every break; returns how many breaks are posted by it.

    A correction that the ledger refuses stays approved, and keeps no other waiting.

    Raises:
        Unavailable: the database is out of reach.
    """
    booked = 0
    for break_id, by in approved_breaks(engine):
        try:
            book(engine, break_id, by=by, clock=clock)
        except (AdjustmentRefused, Contradiction) as error:
            log.warning("correction_not_booked", break_id=break_id, error=str(error))
            continue
        log.info("correction_booked", break_id=break_id)
        booked += 1
    return booked
