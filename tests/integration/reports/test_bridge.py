"""The bridge from GGR to the ledger counts a tolerance where the share of its round counts."""

from datetime import timedelta

from breaks.write_offs import approve_write_off, propose_write_off
from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding, add_finding
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from reconcile.snapshot.rules import Rules
from reports.statement.bridge import bridges, reported_ggr
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import NOON, TwoBooks
from vocabulary.clock import FrozenClock
from vocabulary.window import Window

MIDNIGHT = NOON + timedelta(hours=12)
MINUTE, ONE_DAY = timedelta(minutes=1), timedelta(days=1)
DAY = Window(start=MIDNIGHT - ONE_DAY, end=MIDNIGHT)
NEXT_DAY = Window(start=MIDNIGHT, end=MIDNIGHT + ONE_DAY)


def _tolerated(database: str, window: Window) -> dict[str, int]:
    """What tolerances moved of the rounds of a window, by currency."""
    engine = open_engine(database)
    with engine.connect() as connection:
        rows = bridges(connection, "agg", window, reported_ggr(connection, "agg", window))
    engine.dispose()
    return {bridge.currency: bridge.accounts.get("difference", 0) for bridge in rows}


def _reconcile(database: str) -> RunResult:
    request = RunRequest(
        provider="agg",
        window=Window(start=DAY.start, end=NEXT_DAY.end),
        maturity=timedelta(minutes=15),
        rules=Rules(tolerance={"USD": 2, "EUR": 2}),
    )
    return reconcile(database, request, clock=FrozenClock(NEXT_DAY.end + ONE_DAY))


def test_a_tolerance_counts_on_the_day_of_the_share_that_it_is_about(database: str) -> None:
    books = TwoBooks()
    for player, at, more in (("alice", -MINUTE, 1), ("bob", MINUTE, 0)):
        began = MIDNIGHT + at
        books.ours("shared", 100, 0, player=player, at=began)
        books.theirs(
            "shared",
            100 + more,
            0,
            handle=player,
            at=began,
            record_id=player,
            continues=True,
        )
    books.write(database)
    _reconcile(database)

    assert _tolerated(database, DAY) == {"USD": -1}
    assert _tolerated(database, NEXT_DAY) == {"USD": 0}


def test_a_tolerance_counts_in_the_currency_of_its_share_only(database: str) -> None:
    books = TwoBooks()
    for currency, at, more in (("EUR", -MINUTE, 1), ("USD", MINUTE, 0)):
        began = MIDNIGHT + at
        books.ours("both", 100, 0, currency=currency, at=began)
        books.theirs(
            "both",
            100 + more,
            0,
            currency=currency,
            at=began,
            record_id=currency,
            continues=True,
        )
    books.write(database)
    _reconcile(database)

    assert _tolerated(database, DAY) == {"EUR": -1}
    assert _tolerated(database, NEXT_DAY) == {"USD": 0}


def test_a_write_off_of_a_restated_round_counts_on_its_day(database: str) -> None:
    books = TwoBooks()
    books.both("restated", 100, 40, at=MIDNIGHT - MINUTE)
    books.write(database)
    finding = NewFinding(
        kind=FindingKind.RESTATED_AFTER_CLOSE,
        detail="the payout was 0.35 at the close",
        round_id="restated",
        currency="USD",
        difference=5,
        covers=DAY,
    )
    engine = open_engine(database)
    with engine.begin() as connection:
        add_finding(
            connection, "agg", "statement", scope="closed", finding=finding, now=MIDNIGHT
        )
    [break_] = _reconcile(database).breaks
    propose_write_off(engine, break_.id, by="maria", reason="too small", now=MIDNIGHT)
    approve_write_off(engine, break_.id, by="jonas", now=MIDNIGHT)
    engine.dispose()

    assert _tolerated(database, DAY) == {"USD": 5}
    assert _tolerated(database, NEXT_DAY) == {}
