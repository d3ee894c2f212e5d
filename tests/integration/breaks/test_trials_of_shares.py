"""A trial of a correction in a round that several players and wallets share."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import psycopg
import pytest
from msgspec.structs import replace
from sqlalchemy import Engine

from breaks.corrections.suggestions import Correction
from breaks.corrections.trials import Source, Trial
from breaks.kinds import BreakKind
from breaks.store import read_break
from ledger.players.importer import PlayerRow, import_players
from ledger.posting.posting import post_all_at
from reconcile.findings.breaks import Break
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from reconcile.trials.trial import BreakTrials
from storage.engine import open_engine
from tests.harness.books.differences.breaks import DAY, EVENING
from tests.harness.books.differences.two_sides import TwoBooks
from tests.harness.books.ledger import NOON, SLUG, accept, bet
from vocabulary.clock import FrozenClock
from vocabulary.facts import Bet
from vocabulary.money import Money

TABLE = "table-7"
#: The callbacks of the round; two wallets are ann's.
BETS = {
    "ann-b": bet("ann-b", 100, handle="h-ann", round_id=TABLE),
    "bob-b": bet("bob-b", 40, handle="bob", round_id=TABLE),
    "jpy-b": replace(bet("jpy-b", 0, handle="h-ann", round_id=TABLE), amount=Money(700, "JPY")),
}
_LOGGED = """
INSERT INTO provider_deliveries (provider, webhook_id, delivery_id, event_type, payload,
    response_code, response_body, success, attempted_at, retry_count, pulled_at)
VALUES (%s, 'w', %s, 'bet', %s, 200, '', true, %s, 0, %s)
"""


def _read_logged(body: bytes) -> Bet:
    return BETS[body.decode()]


@dataclass(frozen=True, slots=True)
class Table:
    """A round of three wallets, all of whose callbacks the provider's log has."""

    url: str
    engine: Engine

    def play(self, *booked: str, ann: int = 100) -> None:
        """Book some of the bets; the provider reports all, that of ann in EUR for ``ann``."""
        theirs = TwoBooks(provider=SLUG)
        for number, (key, fact) in enumerate(BETS.items()):
            if key in booked:
                accept(self.url, fact)
            theirs.theirs(
                TABLE,
                ann if key == "ann-b" else fact.amount.minor,
                0,
                record_id=key,
                handle=fact.handle,
                currency=fact.amount.currency,
                at=NOON,
                continues=number > 0,
            )
        theirs.write(self.url)
        with psycopg.connect(self.url) as connection:
            for key in BETS:
                connection.execute(_LOGGED.encode(), (SLUG, key, key.encode(), NOON, NOON))

    def run(self) -> tuple[Break, ...]:
        """The breaks of the day."""
        request = RunRequest(
            provider=SLUG,
            window=DAY,
            maturity=timedelta(minutes=15),
            read_logged=_read_logged,
        )
        return reconcile(self.url, request, clock=FrozenClock(EVENING)).breaks

    def tried(self, found: Break, stake: int) -> Trial:
        """What a correction of a stake would do."""
        trials = BreakTrials(database_url=self.url, readers={SLUG: _read_logged})
        correction = Correction(amount=stake, side="stake")
        return trials(read_break(self.engine, found.id), [correction], now=EVENING)


@pytest.fixture
def table(database: str) -> Iterator[Table]:
    engine = open_engine(database, pool_size=1)
    players = [
        PlayerRow(line=2, player=player, opening=Money(10_000, currency), handles=handles)
        for player, currency, handles in (
            ("ann", "EUR", {SLUG: "h-ann"}),
            ("ann", "JPY", {SLUG: "h-ann"}),
            ("bob", "EUR", {}),
        )
    ]
    import_players(engine, players)
    post_all_at(database)
    yield Table(database, engine)
    engine.dispose()


def test_the_log_of_callbacks_is_asked_for_the_share_of_the_player_and_wallet(
    table: Table,
) -> None:
    table.play("ann-b", "bob-b", "jpy-b", ann=130)
    (found,) = table.run()

    trial = table.tried(found, -30)

    assert (found.kind, found.player, found.currency) == (BreakKind.STAKE, "ann", "EUR")
    assert trial.cured
    assert [(c.source, c.sentence) for c in trial.contradictions] == [
        (
            Source.WEBHOOK_LOG,
            "its log has callbacks with a stake of 1.00 EUR, the correction makes it 1.30 EUR",
        )
    ]


def test_a_share_that_was_never_booked_is_corrected_in_its_round(table: Table) -> None:
    table.play("ann-b", "jpy-b")
    (found,) = table.run()

    trial = table.tried(found, -40)

    assert (found.kind, found.player) == (BreakKind.MISSING_IN_LEDGER, "bob")
    assert trial.cured
    assert [closed.break_id for closed in trial.closes] == [found.id]
    assert (trial.opens, trial.contradictions) == ((), ())
