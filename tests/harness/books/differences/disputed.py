"""Four providers with an hour of signed requests each, and histories that differ from them."""

from dataclasses import dataclass
from datetime import timedelta

import psycopg

from breaks.lists.queries import BreakFilter, list_breaks
from breaks.store import TrackedBreak
from ledger.posting.posting import post_all_at
from providers.contract import Provider
from providers.dialect import Dialect
from providers.registry import DIALECTS
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from reports.disputes.export import DisputedProvider
from storage.engine import open_engine
from tests.harness.books.ledger import NOON
from tests.harness.books.traffic import book_an_hour
from tests.harness.providers.speaker import SECRET, configured, literal, secret_of
from vocabulary.clock import FrozenClock
from vocabulary.window import Window

HOUR = timedelta(hours=1)
EVENING = NOON + 8 * HOUR
CENTS = 150
# The history repeats our rounds, but leaves out every seventh, and pays more in every third.
_HISTORY = b"""
INSERT INTO feed_records (provider, record_id, occurrence, round_id, match_key, handle,
                          currency, stake, payout, rolled_back, created_at, updated_at,
                          received_at, source, continues)
SELECT provider, round_id, 1, round_id, match_key, handle, currency, stake,
       payout + CASE WHEN place %% 3 = 0 THEN %s ELSE 0 END, false, first_at, first_at,
       first_at, 'push', false
  FROM (SELECT r.*, h.handle, row_number() OVER (ORDER BY r.provider, r.first_at, r.round_id)
               AS place
          FROM rounds r JOIN wallets w USING (wallet_id)
          JOIN handles h ON h.provider = r.provider AND h.player = w.player
         WHERE r.stake > 0) numbered
 WHERE place %% 7 <> 0
"""
_SETTINGS = """
[[providers]]
slug = "{name}"
dialect = "{name}"
currency = "USD"
secrets = [{secret}]
"""


@dataclass(frozen=True, slots=True)
class DisputedBooks:
    """The books at a database, and what they hold of each provider."""

    url: str

    def fill(self) -> None:
        """Book the hour, write the histories, and reconcile each provider."""
        book_an_hour(self.url, seed=11, callbacks=300, players=6)
        post_all_at(self.url)
        with psycopg.connect(self.url) as connection:
            connection.execute(_HISTORY, [CENTS])
        window = Window(start=NOON - HOUR, end=NOON + 2 * HOUR)
        for name in DIALECTS:
            request = RunRequest(provider=name, window=window, maturity=timedelta(minutes=15))
            reconcile(self.url, request, clock=FrozenClock(EVENING))

    def breaks(self, provider: str) -> list[TrackedBreak]:
        """The open breaks of a provider that change money between the provider and us."""
        engine = open_engine(self.url)
        breaks = list_breaks(engine, BreakFilter(provider=provider))
        engine.dispose()
        return [break_ for break_ in breaks if break_.effects.invoice]

    def players(self) -> list[str]:
        """Our names of the players."""
        with psycopg.connect(self.url) as connection:
            return [row[0] for row in connection.execute("SELECT player FROM players")]


def disputed(name: str, *, secret: bytes = SECRET) -> DisputedProvider:
    """A provider of a dialect, as its settings say."""
    provider: Provider = configured(DIALECTS[name], secrets=(secret,))
    dialect: Dialect = DIALECTS[name]
    return DisputedProvider(
        dialect=dialect, provider=provider, answer_within=timedelta(days=30)
    )


def settings_text(url: str) -> str:
    """Settings of a provider of every dialect."""
    head = (
        f'mode = "test"\n[database]\nurl = "{url}"\n[broker]\nurl = "redis://127.0.0.1:1/0"\n'
    )
    blocks = [
        _SETTINGS.format(name=name, secret=literal(secret_of(name, SECRET)))
        for name in sorted(DIALECTS)
    ]
    return head + "".join(blocks)
