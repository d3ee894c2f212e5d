"""Readers of books whose old rows left: the same figures from the cut on, refused before it."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text

from ledger.checks.check import WalletScope
from ledger.checks.run import provable_scope, verify
from ledger.enums import OWN_SLUG
from ledger.posting.posting import post_all_at
from ledger.queries.account_movements import account_movements
from ledger.queries.balances import trial_balance
from ledger.queries.checkpoints import (
    BalanceClock,
    balance_at,
    prove_checkpoints,
    take_checkpoint,
)
from ledger.queries.daily_figures import daily_figures
from ledger.queries.provider_days import provider_days
from ledger.replay.decode import ROWS_AWAY
from ledger.replay.report import ReplayWindow
from storage.archive.row_cut import RowsAreAway
from storage.engine import open_engine, url_of
from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import ARCHIVE, Archivist, sign_figures
from tests.harness.books.ledger import SLUG, STRICT, accept, bet
from tests.harness.tampering.replay import fact_decoders, replayed, tamper
from tests.harness.tampering.sealed_day import FIRST, REPEATS, SECOND, UNPOSTED
from tests.integration.ledger.archive.test_month_ends import JULY
from vocabulary.clock import SystemClock
from vocabulary.window import Window, parse_window

CUT = datetime(2020, 7, 1, tzinfo=UTC)
TODAY = SystemClock().now().date()
#: With two repeats of a bet of June.
LATER = (*JULY, bet("b1", 301))
DECODERS = fact_decoders([*FIRST, *SECOND, *REPEATS, *UNPOSTED, *LATER], {SLUG: STRICT})
JUNE = parse_window("2020-06-01", "2020-07-01", zone="UTC")
SINCE = Window(start=CUT, end=datetime(2100, 1, 1, tzinfo=UTC))
CLOCKS: tuple[BalanceClock, ...] = ("received", "posted")


@pytest.fixture(scope="module")
def pair(
    postgres: PostgresServer, dated: Archivist, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, Engine]]:
    """Books that went on after June, with its rows and without them."""
    assert dated.folder.exists()
    urls = [postgres.url(name) for name in ("rows_whole", "rows_cut")]
    postgres.execute("CREATE DATABASE rows_whole TEMPLATE month_dated")
    accept(urls[0], *LATER)
    post_all_at(urls[0])
    postgres.execute("CREATE DATABASE rows_cut TEMPLATE rows_whole")
    archivist = Archivist(tmp_path_factory.mktemp("cut"), urls[1])
    assert "not what was signed of lottery 2020-06-01" in archivist.let_rows_go(code=1)
    tamper(urls[1], "DELETE FROM day_steps")
    sign_figures(urls[1], after=0)
    archivist.run("archive", "approve", ARCHIVE, "--rows", "--by", "jonas")
    engines = tuple(open_engine(url) for url in urls)
    yield engines[0], engines[1]
    for engine in engines:
        engine.dispose()
    for name in ("rows_whole", "rows_cut"):
        postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


def read(engine: Engine, query: Callable[[Connection], Any]) -> Any:
    with engine.connect() as connection:
        return query(connection)


def movements(engine: Engine, provider: str, window: Window) -> dict[date, list[str]]:
    moved = read(engine, lambda c: account_movements(c, provider, window, "UTC"))
    return {day: sorted(map(repr, lines)) for day, lines in moved.items()}


def wrong_checks(engine: Engine, scope: WalletScope | None = None) -> set[str]:
    return {result.name for result in verify(engine, scope=scope) if result.wrong}


def test_rows_of_rounds_that_ended_before_july_left(pair: tuple[Engine, Engine]) -> None:
    rounds = "SELECT array_agg(round_id ORDER BY round_id) FROM rounds"
    assert read(pair[0], lambda c: c.execute(text(rounds)).scalar_one()) == [
        *("j", "k", "r1", "r2", "r4", "s1", "s9")
    ]
    assert read(pair[1], lambda c: c.execute(text(rounds)).scalar_one()) == [
        *("j", "k", "r2", "r4")
    ]


def test_a_proof_of_everything_begins_at_the_month_end_and_says_so(
    pair: tuple[Engine, Engine],
) -> None:
    scope = provable_scope(pair[1], WalletScope())
    assert scope.text == "from the month end of 2020-07-01T00:00:00+00:00 on"
    assert provable_scope(pair[0], WalletScope()) == WalletScope()
    assert wrong_checks(pair[1]) == wrong_checks(pair[1], WalletScope(wallets=(1, 2))) == set()


@pytest.mark.parametrize(
    ("change", "back"),
    [
        ("amount = amount + 1", "amount = amount - 1"),
        ("entries = entries + 1", "entries = entries - 1"),
        (
            "amount = amount + CASE account WHEN 'ggr' THEN 7 ELSE -7 END",
            "amount = amount - CASE account WHEN 'ggr' THEN 7 ELSE -7 END",
        ),
    ],
    ids=["not zero", "rows", "players"],
)
def test_totals_of_entries_are_tied_also_once_their_operations_left(
    pair: tuple[Engine, Engine], change: str, back: str
) -> None:
    cut_url = url_of(pair[1])
    one_each = (
        "UPDATE archived_totals SET {} WHERE provider = 'lottery'"
        " AND account IN ('ggr', 'player_wallet')"
    )
    tamper(cut_url, one_each.format(change))
    wrong = wrong_checks(pair[1])
    moved = wrong_checks(pair[1], WalletScope(since=datetime(2020, 7, 1, tzinfo=UTC)))
    tamper(cut_url, one_each.format(back))

    assert wrong == moved == {"archived_totals_are_tied"}
    assert wrong_checks(pair[1]) == set()


@pytest.mark.parametrize(
    ("change", "back"),
    [
        ("hashes = hashes[:1], days = days[:1]", "hashes = {hashes}, days = {days}"),
        ("days[2] = days[2] + 1::smallint", "days = {days}"),
    ],
    ids=["taken out", "of another day"],
)
def test_a_hash_of_what_left_is_missed_once_it_is_gone(
    pair: tuple[Engine, Engine], change: str, back: str
) -> None:
    cut_url = url_of(pair[1])
    with psycopg.connect(cut_url) as connection:
        row = connection.execute(
            "SELECT hashes::text, days::text FROM archived_keys"
        ).fetchone()
    assert row is not None
    hashes, days = (f"'{values}'" for values in row)
    tamper(cut_url, f"UPDATE archived_keys SET {change}")
    wrong = wrong_checks(pair[1])
    moved = wrong_checks(pair[1], WalletScope(since=datetime(2020, 7, 1, tzinfo=UTC)))
    tamper(cut_url, f"UPDATE archived_keys SET {back.format(hashes=hashes, days=days)}")

    assert "packed_hashes_are_whole" in wrong & moved
    assert wrong_checks(pair[1]) == set()


def test_a_replay_begins_at_the_month_end(pair: tuple[Engine, Engine]) -> None:
    cut_url = url_of(pair[1])
    whole, cut = (replayed(url_of(engine), DECODERS) for engine in pair)
    assert whole.is_proven
    assert cut.is_proven, cut.differences
    assert 0 < cut.decided < whole.decided
    assert cut.told[ROWS_AWAY] == 2
    with pytest.raises(RowsAreAway, match="Begin there or later"):
        replayed(cut_url, DECODERS, ReplayWindow(since=datetime(2020, 6, 30, tzinfo=UTC)))
    changed = "UPDATE month_end_wallets SET balance = balance + 1 WHERE wallet_id = 2"
    tamper(cut_url, changed)
    assert not replayed(cut_url, DECODERS).is_proven
    tamper(cut_url, changed.replace("+", "-"))


def test_figures_from_the_cut_on_are_as_before(pair: tuple[Engine, Engine]) -> None:
    queries: tuple[Callable[[Engine], Any], ...] = (
        trial_balance,
        lambda e: read(e, lambda c: daily_figures(c, TODAY, TODAY, ZoneInfo("UTC"))),
        lambda e: read(e, lambda c: daily_figures(c, CUT.date(), TODAY, ZoneInfo("UTC"))),
        lambda e: movements(e, SLUG, SINCE),
        lambda e: movements(e, OWN_SLUG, JUNE),
        *(
            lambda e, by=by, first=first: provider_days(
                e, provider=SLUG, first=first, last=None, zone="UTC", by=by
            )
            for by in CLOCKS
            for first in (CUT.date(), TODAY, TODAY + timedelta(days=1))
        ),
        *(
            lambda e, by=by, at=at, player=player: balance_at(
                e, player=player, currency="EUR", at=at, by=by
            )
            for by in CLOCKS
            for at in (CUT, CUT + timedelta(days=1), SystemClock().now())
            for player in ("ann", "bob")
        ),
    )
    for number, query in enumerate(queries):
        assert query(pair[0]) == query(pair[1]), number


def test_what_begins_before_the_cut_is_refused(pair: tuple[Engine, Engine]) -> None:
    noon = datetime(2020, 6, 30, 12, tzinfo=UTC)
    engine = pair[1]
    queries: tuple[Callable[[], Any], ...] = (
        lambda: read(
            engine, lambda c: daily_figures(c, date(2020, 6, 30), TODAY, ZoneInfo("UTC"))
        ),
        lambda: read(engine, lambda c: account_movements(c, SLUG, JUNE, "UTC")),
        lambda: provider_days(
            engine, provider=SLUG, first=None, last=None, zone="UTC", by="received"
        ),
        lambda: balance_at(engine, player="ann", currency="EUR", at=noon, by="posted"),
        lambda: take_checkpoint(engine, at=noon),
    )
    for query in queries:
        with pytest.raises(RowsAreAway, match="Begin at 2020-07-01T00:00:00"):
            query()


def test_checkpoints_begin_at_the_cut(pair: tuple[Engine, Engine]) -> None:
    engine = pair[1]
    for at in (CUT, SystemClock().now()):
        take_checkpoint(engine, at=at)
    proof = prove_checkpoints(engine)
    assert (proof.checked > 0, proof.wrong) == (True, 0)
    now = SystemClock().now()
    for by in CLOCKS:
        balances = [
            balance_at(each, player="bob", currency="EUR", at=now, by=by) for each in pair
        ]
        assert balances[0] is not None
        assert balances[1] is not None
        assert balances[0].balance == balances[1].balance
    with engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text("UPDATE checkpoints SET balance = balance + 1"))
    assert prove_checkpoints(engine).wrong == proof.checked
