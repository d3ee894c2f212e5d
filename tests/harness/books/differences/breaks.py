"""A ledger and a provider's history with planted differences, and runs that compare them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from sqlalchemy import Engine, text

from breaks.lists import queries
from breaks.lists.queries import BreakFilter
from breaks.store import TrackedBreak
from ledger.checks.run import verify
from ledger.posting.posting import post_all_at
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from reconcile.trials.trial import BreakTrials
from tests.harness.books.ledger import NOON, SLUG, accept, bet, win
from vocabulary.clock import FrozenClock
from vocabulary.ids import match_key
from vocabulary.window import Window

HOUR = timedelta(hours=1)
#: The time of the first run; everything is long mature by then.
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
        """A round of our ledger: a bet and, if it paid, a win."""
        facts = [bet(f"{round_id}-b", stake, round_id=round_id)]
        won = win(f"{round_id}-w", payout, bet_key=f"{round_id}-b", round_id=round_id)
        accept(self.url, *facts, *([won] if payout else []))

    def theirs(self, round_id: str, stake: int, payout: int, *, lines: int = 1) -> None:
        """A round of the provider's history, in one or more lines."""
        with psycopg.connect(self.url) as connection:
            for line in range(1, lines + 1):
                key = (SLUG, round_id, line, round_id, match_key(SLUG, round_id))
                instants = (NOON, NOON, NOON)
                connection.execute(_RECORD, (*key, stake, payout, *instants, line > 1))

    def forget(self, round_id: str, *, line: int | None = None) -> None:
        """Remove a round, or one line of it, from the provider's history."""
        query = (
            b"DELETE FROM feed_records WHERE round_id = %s"
            b" AND (%s::int IS NULL OR occurrence = %s)"
        )
        with psycopg.connect(self.url) as connection:
            connection.execute(query, (round_id, line, line))

    def change_record(self, record_id: str, **columns: str) -> None:
        """Set columns of a record of the provider's history."""
        with psycopg.connect(self.url) as connection:
            for name, value in columns.items():
                connection.execute(
                    f"UPDATE feed_records SET {name} = %s WHERE record_id = %s".encode(),
                    (value, record_id),
                )

    @property
    def trials(self) -> BreakTrials:
        """Tries corrections on these books."""
        return BreakTrials(database_url=self.url)

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
        """The only break, closed or not."""
        (break_,) = queries.list_breaks(self.engine, BreakFilter(include_closed=True))
        return break_

    def actions(self, break_id: str) -> list[tuple[str, str]]:
        """Actors and actions of the audit trail."""
        trail = queries.break_history(self.engine, break_id).trail
        return [(row.actor, row.action) for row in trail]

    def balance(self) -> int:
        """The balance of ann, after checking the books."""
        post_all_at(self.url)
        assert [(x.name, x.first) for x in verify(self.engine) if x.wrong] == []
        with self.engine.connect() as connection:
            balance = connection.execute(text("SELECT balance FROM wallets")).scalar_one()
        return int(balance)
