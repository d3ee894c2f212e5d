"""A ledger and a provider's history that differ by hand, reconciled, for the life of breaks."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from sqlalchemy import Engine

from breaks import queries
from breaks.queries import BreakFilter
from breaks.store import TrackedBreak
from ledger.checks.run import verify
from ledger.posting.posting import drain
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from tests.harness.books.ledger import NOON, SLUG, accept, bet, win
from vocabulary.clock import FrozenClock
from vocabulary.ids import match_key
from vocabulary.window import Window

HOUR = timedelta(hours=1)
#: When the first run looks; everything is long mature by then.
EVENING = NOON + 8 * HOUR
DAY = Window(start=NOON - 12 * HOUR, end=NOON + 12 * HOUR)
_RECORD = b"""
INSERT INTO feed_records
       (provider, record_id, occurrence, round_id, match_key, handle, currency, stake, payout,
        rolled_back, created_at, updated_at, received_at, source, continues)
VALUES (%s, %s, %s, %s, %s, 'ann', 'EUR', %s, %s, false, %s, %s, %s, 'push', %s)
ON CONFLICT (provider, record_id, occurrence) DO UPDATE
   SET stake = EXCLUDED.stake, payout = EXCLUDED.payout
"""


@dataclass(frozen=True, slots=True)
class BreakBooks:
    """Both sides of one provider, and the runs that compare them."""

    url: str
    engine: Engine

    def ours(self, round_id: str, stake: int, payout: int) -> None:
        """A round as our ledger has it: a bet and, where it paid, a win."""
        facts = [bet(f"{round_id}-b", stake, round_id=round_id)]
        won = win(f"{round_id}-w", payout, bet_key=f"{round_id}-b", round_id=round_id)
        accept(self.url, *facts, *([won] if payout else []))

    def theirs(self, round_id: str, stake: int, payout: int, *, lines: int = 1) -> None:
        """A round as the provider's history has it, told once or more."""
        with psycopg.connect(self.url) as connection:
            for line in range(1, lines + 1):
                told = (SLUG, round_id, line, round_id, match_key(SLUG, round_id))
                at = (NOON, NOON, NOON)
                connection.execute(_RECORD, (*told, stake, payout, *at, line > 1))

    def forget(self, round_id: str, *, line: int | None = None) -> None:
        """The provider takes a round, or one line of it, out of its history."""
        query = (
            b"DELETE FROM feed_records WHERE round_id = %s"
            b" AND (%s::int IS NULL OR occurrence = %s)"
        )
        with psycopg.connect(self.url) as connection:
            connection.execute(query, (round_id, line, line))

    def run(self, *, at: datetime = EVENING) -> RunResult:
        """Reconcile the day as of an instant."""
        return reconcile(
            self.url,
            RunRequest(
                provider=SLUG,
                window=DAY,
                maturity=timedelta(minutes=15),
            ),
            clock=FrozenClock(at),
        )

    def only(self) -> TrackedBreak:
        """The one break that there is, closed or not."""
        (found,) = queries.listed(self.engine, BreakFilter(any_state=True))
        return found

    def actions(self, break_id: str) -> list[tuple[str, str]]:
        """Who did what, by the audit trail."""
        told = queries.story(self.engine, break_id).trail
        return [(row.actor, row.action) for row in told]

    def balance(self) -> int:
        """What ann has; every check of the books holds."""
        drain(self.url)
        assert [(x.name, x.first) for x in verify(self.engine) if x.wrong] == []
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT balance FROM wallets").scalar_one()
        return int(found)
