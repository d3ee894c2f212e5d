"""Providers asked about single bets: at their pace, with bounds, kept as evidence of breaks."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from random import Random

import pytest
from dramatiq import Worker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import CurrentMessage, Retries

from breaks import queries
from breaks.kinds import BreakKind
from breaks.provider_inquiries import page, want, want_all
from breaks.queries import BreakFilter, KeptNote, listed
from ops.providers.inquiries import asker
from ops.providers.inquiry_client import inquire
from ops.scheduling.inquiries import ask_details
from ops.settings.model import Settings
from providers.outbound.inquiry import InquiryAnswer
from simulator.api.server import serve
from simulator.history.lines import history_of
from simulator.protocol.history_lines import RunSpan
from simulator.scenarios.plan import make_plan
from simulator.systems.aggregator.api import AggregatorApi
from simulator.systems.xigs.api import XigsApi
from storage.engine import open_engine
from tests.harness.books.breaks import EVENING, BreakBooks
from tests.harness.books.ledger import NOON, SLUG, open_wallets
from tests.harness.providers.api_server import ApiServer, Scripted, served
from tests.harness.providers.systems import AGGREGATOR, XIGS, make_api
from vocabulary.clock import FrozenClock, SystemClock
from vocabulary.errors import ApiUnavailable
from workers.actors import declare
from workers.ask_provider import PAUSE, InquiryTerms, fetch
from workers.context import WorkerContext
from workers.outcomes import Again, Done, JobOutcome, JobRunner

DETAIL = "/bet-history/report/detail-bet"
SECOND = timedelta(seconds=1)
TERMS = InquiryTerms(every=SECOND, attempts=2, lasts=timedelta(days=1))
DOWN = Scripted(status=500, body=b"{}")


@pytest.fixture
def books(database: str) -> Iterator[BreakBooks]:
    open_wallets(database, ("ann", 1000))
    engine = open_engine(database)
    yield BreakBooks(database, engine)
    engine.dispose()


class Room:
    """A worker's room at one API: fetches on a clock that is moved by hand."""

    def __init__(self, books: BreakBooks, settings: Settings) -> None:
        self.books = books
        self.clock = FrozenClock(EVENING)
        self._ask = asker(settings)
        self._desk = WorkerContext(engine=books.engine, clock=self.clock, providers={})

    async def fetch(self, *, after: timedelta = timedelta(0)) -> JobOutcome:
        """What a message does, some time later."""
        self.clock.instant += after
        return await asyncio.to_thread(fetch, self._desk, self._ask, TERMS)

    def want(self, *, refresh: bool = False) -> None:
        """Want the only break's evidence."""
        name = self.books.only().break_id
        want(self.books.engine, name, by="erin", now=self.clock.now(), refresh=refresh)

    def notes(self) -> list[KeptNote]:
        """What was attached to the only break."""
        return queries.story(self.books.engine, self.books.only().break_id).notes


def settings_of(dialect: str, url: str, key: str) -> Settings:
    api = {"base_url": url, "attempts": 1, "key": f"literal:{key}"}
    entry = {"slug": SLUG, "dialect": dialect, "currency": "EUR", "api": api}
    raw = {
        "mode": "test",
        "breaks": {"page_hosts": ["127.0.0.1"]},
        "providers": [{**entry, "secrets": ["literal:s"]}],
    }
    return Settings.model_validate(raw, context={"mode": "test"})


def on_a_script(
    books: BreakBooks,
    answers: list[Scripted],
    story: Callable[[Room, ApiServer], Awaitable[None]],
) -> None:
    """One missing round, and an aggregator that answers about it as written."""
    books.theirs("r1", 100, 0)
    books.run()

    async def run() -> None:
        async with served({DETAIL: answers, "/bets/r1": [Scripted(body=b"<p>r1</p>")]}) as api:
            good = f'{{"status":true,"item":"{api.url}/bets/r1"}}'.encode()
            api.script[DETAIL] = [
                Scripted(body=good) if each.status == 200 else each for each in answers
            ]
            await story(Room(books, settings_of("aggregator", api.url, "k")), api)

    asyncio.run(run())


def test_the_aggregator_confirms_what_it_knows_at_the_pace_it_is_asked(
    books: BreakBooks,
) -> None:
    api = make_api(AGGREGATOR, 1)
    assert isinstance(api, AggregatorApi)
    api.bets.add("r1")
    for name in ("r1", "r2"):
        books.theirs(name, 100, 0)
    books.run()
    found = {"providers": [SLUG], "kinds": ["missing_in_ledger"], "now": EVENING}
    wanted = [want_all(books.engine, **found) for _ in range(2)]  # type: ignore[arg-type]

    async def story() -> list[JobOutcome]:
        async with serve([AGGREGATOR], 0, 1, apis={AGGREGATOR: api}) as up:
            url = up.urls[AGGREGATOR]
            room = Room(books, settings_of("aggregator", url, "demo-aggregator-secret"))
            return [await room.fetch(), await room.fetch(), await room.fetch(after=SECOND)]

    outcomes = asyncio.run(story())

    assert wanted == [2, 0]
    assert outcomes[0] == Again(1.0, "1 answered, more is to be asked")
    assert outcomes[1:] == [Again(1.0, "0 answered, more is to be asked"), Done(1)]
    lives = listed(books.engine, BreakFilter(provider=SLUG))
    assert {life.round_id: life.answer for life in lives} == {
        "r1": "confirmed",
        "r2": "unknown",
    }


def test_an_answer_is_kept_with_its_page_and_used_again_until_a_refresh(
    books: BreakBooks,
) -> None:
    async def story(room: Room, api: ApiServer) -> None:
        room.want()
        room.want()
        assert await room.fetch() == Done(1)
        room.want()
        assert await room.fetch() == Done(1)
        asked_once = api.paths().count(DETAIL)
        room.want(refresh=True)
        assert await room.fetch(after=SECOND) == Done(1)
        assert (asked_once, api.paths().count(DETAIL)) == (1, 2)

    on_a_script(books, [Scripted()], story)

    first, again, _refreshed = queries.story(books.engine, books.only().break_id).notes
    assert first.body.startswith(f"{SLUG} about r1: confirmed, it shows the bet http://127.0.")
    assert first.digest is not None
    assert page(books.engine, first.digest) == b"<p>r1</p>"
    assert first.digest in again.body


def test_what_fails_is_asked_again_later_and_then_answered(books: BreakBooks) -> None:
    async def story(room: Room, api: ApiServer) -> None:
        room.want()
        assert await room.fetch() == Again(5.0, "0 answered, more is to be asked")
        assert await room.fetch() == Again(5.0, "0 answered, more is to be asked")
        assert await room.fetch(after=PAUSE) == Done(1)
        assert api.paths().count(DETAIL) == 2

    on_a_script(books, [DOWN, Scripted()], story)

    assert books.only().answer == "confirmed"


def test_what_keeps_failing_says_so_at_the_break_and_is_not_kept_as_an_answer(
    books: BreakBooks,
) -> None:
    async def story(room: Room, api: ApiServer) -> None:
        room.want()
        await room.fetch()
        assert await room.fetch(after=PAUSE) == Done(1)
        (note,) = room.notes()
        assert f"failed, {SLUG}: POST {DETAIL}" in note.body
        room.want()
        assert isinstance(await room.fetch(after=PAUSE), Again)
        assert api.paths().count(DETAIL) == 3

    on_a_script(books, [DOWN], story)

    assert (books.only().answer, books.only().state) == ("failed", "open")


def test_the_scheduler_wants_what_the_settings_say_and_a_worker_asks_and_attaches_it(
    books: BreakBooks,
) -> None:
    books.theirs("r1", 100, 0)
    books.run()
    given = settings_of("aggregator", "http://127.0.0.1:1", "k")
    terms = given.breaks.model_copy(update={"ask": (BreakKind.MISSING_IN_LEDGER,)})
    broker = StubBroker(middleware=[CurrentMessage(), Retries(max_retries=5)])
    broker.emit_after("process_boot")
    desk = WorkerContext(engine=books.engine, clock=SystemClock(), providers={})
    settler = JobRunner(broker, Random(1), lambda _job, _error: None)
    declare(broker, desk, settler, lambda _slug, key, _at: says(key), TERMS)

    ask_details(given, books.engine, broker)
    unwanted = broker.queues["fetch"].qsize()
    ask_details(given.model_copy(update={"breaks": terms}), books.engine, broker)
    worker = Worker(broker, worker_threads=1, worker_timeout=50)
    worker.start()
    try:
        broker.join("fetch", timeout=60_000)
        worker.join()
    finally:
        worker.stop()

    (note,) = queries.story(books.engine, books.only().break_id).notes
    assert unwanted == 0
    assert books.only().answer == "confirmed"
    assert note.body == f"{SLUG} about r1: confirmed, r1 is in their list"
    broker.close()


def says(key: str) -> InquiryAnswer:
    return InquiryAnswer(verdict="confirmed", reason=f"{key} is in their list")


def test_the_scratch_card_platform_shows_the_transactions_of_a_round() -> None:
    api = make_api(XIGS, 1)
    assert isinstance(api, XigsApi)
    plan = make_plan(seed=2, callbacks=40, players=3, systems=(XIGS,), currency="USD")
    span = RunSpan(NOON, NOON + timedelta(minutes=1), len(plan.steps))
    until = NOON + timedelta(hours=2)
    api.state.play(history_of(plan), span, game=api.games[0], until=until)
    known = str(api.state.transaction_rows()[0]["roundId"])

    async def story() -> list[InquiryAnswer]:
        async with serve([XIGS], 0, 1, apis={XIGS: api}) as up:
            settings = settings_of("xigs", up.urls[XIGS], "demo-xigs-secret")
            entry = settings.providers[0]
            return [await inquire(entry, key, NOON, frozenset()) for key in (known, "r0")]

    shown, unknown = asyncio.run(story())

    assert (shown.verdict, unknown.verdict) == ("confirmed", "unknown")
    assert shown.page is not None
    assert known.encode() in shown.page


def test_who_has_no_such_call_says_so_and_who_is_away_is_an_error() -> None:
    entry = {"slug": SLUG, "dialect": "sportsbook", "currency": "EUR", "secrets": ["literal:s"]}
    silent = Settings.model_validate({"providers": [entry]}, context={"mode": "test"})
    away = settings_of("aggregator", "http://127.0.0.1:1", "k")

    assert asker(silent)(SLUG, "r1", None).reason == "its document has no call about one bet"
    with pytest.raises(ApiUnavailable, match="detail-bet"):
        asker(away)(SLUG, "r1", None)
