"""Inquiries about single bets: limited pace, bounded attempts, answers as evidence."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from random import Random

import pytest
from dramatiq import Worker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import CurrentMessage, Retries

from breaks.kinds import BreakKind
from breaks.lists import queries
from breaks.lists.queries import BreakFilter, StoredNote, list_breaks
from breaks.provider_inquiries import captured_page, request_inquiries, request_inquiry
from ops.providers.inquiries import asker
from ops.providers.inquiry_client import inquire
from ops.scheduling.inquiries import schedule_inquiries
from ops.settings.model import Settings
from providers.outbound.inquiry import InquiryAnswer
from simulator.api.server import serve
from simulator.history.true_history import history_of
from simulator.protocol.history_lines import RunSpan
from simulator.scenarios.plan import make_plan
from simulator.systems.aggregator.api import AggregatorApi
from simulator.systems.xigs.api import XigsApi
from storage.engine import open_engine
from tests.harness.books.differences.breaks import EVENING, BreakBooks
from tests.harness.books.ledger import NOON, SLUG, open_wallets
from tests.harness.providers.api_server import ApiServer, Scripted, served
from tests.harness.providers.systems import AGGREGATOR, XIGS, make_api
from vocabulary.clock import FrozenClock, SystemClock
from vocabulary.errors import ApiUnavailable
from workers.actors import declare_actors
from workers.ask_provider import PAUSE, InquiryTerms, ask_providers
from workers.context import WorkerContext
from workers.outcomes import Done, JobOutcome, JobRunner, RetryLater

DETAIL = "/bet-history/report/detail-bet"
SECOND = timedelta(seconds=1)
TERMS = InquiryTerms(min_interval=SECOND, attempts_max=2, reuse_for=timedelta(days=1))
DOWN = Scripted(status=500, body=b"{}")


@pytest.fixture
def books(database: str) -> Iterator[BreakBooks]:
    open_wallets(database, ("ann", 1000))
    engine = open_engine(database)
    yield BreakBooks(database, engine)
    engine.dispose()


class InquiryWorker:
    """A worker that fetches from one API, on a clock that is moved by hand."""

    def __init__(self, books: BreakBooks, settings: Settings) -> None:
        self.books = books
        self.clock = FrozenClock(EVENING)
        self._ask = asker(settings)
        self._context = WorkerContext(engine=books.engine, clock=self.clock, providers={})

    async def fetch(self, *, after: timedelta = timedelta(0)) -> JobOutcome:
        """Process one message, some time later."""
        self.clock.instant += after
        return await asyncio.to_thread(ask_providers, self._context, self._ask, TERMS)

    def request(self, *, refresh: bool = False) -> None:
        """Request an inquiry about the only break."""
        name = self.books.only().break_id
        request_inquiry(
            self.books.engine, name, by="erin", now=self.clock.now(), refresh=refresh
        )

    def notes(self) -> list[StoredNote]:
        """The notes of the only break."""
        return queries.break_history(self.books.engine, self.books.only().break_id).notes


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
    steps: Callable[[InquiryWorker, ApiServer], Awaitable[None]],
) -> None:
    """One missing round, and an aggregator with scripted answers about it."""
    books.theirs("r1", 100, 0)
    books.run()

    async def run() -> None:
        async with served({DETAIL: answers, "/bets/r1": [Scripted(body=b"<p>r1</p>")]}) as api:
            good = f'{{"status":true,"item":"{api.url}/bets/r1"}}'.encode()
            api.script[DETAIL] = [
                Scripted(body=good) if answer.status == 200 else answer for answer in answers
            ]
            await steps(InquiryWorker(books, settings_of("aggregator", api.url, "k")), api)

    asyncio.run(run())


def test_the_aggregator_confirms_bets_it_knows_at_a_limited_pace(
    books: BreakBooks,
) -> None:
    api = make_api(AGGREGATOR, 1)
    assert isinstance(api, AggregatorApi)
    api.bets.add("r1")
    for name in ("r1", "r2"):
        books.theirs(name, 100, 0)
    books.run()
    request = {"providers": [SLUG], "kinds": ["missing_in_ledger"], "now": EVENING}
    requested = [request_inquiries(books.engine, **request) for _ in range(2)]  # type: ignore[arg-type]

    async def steps() -> list[JobOutcome]:
        async with serve([AGGREGATOR], 0, 1, apis={AGGREGATOR: api}) as up:
            url = up.urls[AGGREGATOR]
            worker = InquiryWorker(
                books, settings_of("aggregator", url, "demo-aggregator-secret")
            )
            return [
                await worker.fetch(),
                await worker.fetch(),
                await worker.fetch(after=SECOND),
            ]

    outcomes = asyncio.run(steps())

    assert requested == [2, 0]
    assert outcomes[0] == RetryLater(1.0, "1 answered, further inquiries are open")
    assert outcomes[1:] == [RetryLater(1.0, "0 answered, further inquiries are open"), Done(1)]
    breaks = list_breaks(books.engine, BreakFilter(provider=SLUG))
    assert {break_.round_id: break_.answer for break_ in breaks} == {
        "r1": "confirmed",
        "r2": "unknown",
    }


def test_an_answer_is_cached_with_its_page_until_a_refresh(
    books: BreakBooks,
) -> None:
    async def steps(worker: InquiryWorker, api: ApiServer) -> None:
        worker.request()
        worker.request()
        assert await worker.fetch() == Done(1)
        worker.request()
        assert await worker.fetch() == Done(1)
        asked_once = api.paths().count(DETAIL)
        worker.request(refresh=True)
        assert await worker.fetch(after=SECOND) == Done(1)
        assert (asked_once, api.paths().count(DETAIL)) == (1, 2)

    on_a_script(books, [Scripted()], steps)

    first, again, _refreshed = queries.break_history(books.engine, books.only().break_id).notes
    assert first.body.startswith(f"{SLUG} about r1: confirmed, it shows the bet http://127.0.")
    assert first.digest is not None
    assert captured_page(books.engine, first.digest) == b"<p>r1</p>"
    assert first.digest in again.body


def test_a_failed_inquiry_is_repeated_later(books: BreakBooks) -> None:
    async def steps(worker: InquiryWorker, api: ApiServer) -> None:
        worker.request()
        assert await worker.fetch() == RetryLater(5.0, "0 answered, further inquiries are open")
        assert await worker.fetch() == RetryLater(5.0, "0 answered, further inquiries are open")
        assert await worker.fetch(after=PAUSE) == Done(1)
        assert api.paths().count(DETAIL) == 2

    on_a_script(books, [DOWN, Scripted()], steps)

    assert books.only().answer == "confirmed"


def test_an_inquiry_that_keeps_failing_is_noted_at_the_break_and_not_cached(
    books: BreakBooks,
) -> None:
    async def steps(worker: InquiryWorker, api: ApiServer) -> None:
        worker.request()
        await worker.fetch()
        assert await worker.fetch(after=PAUSE) == Done(1)
        (note,) = worker.notes()
        assert f"failed, {SLUG}: POST {DETAIL}" in note.body
        worker.request()
        assert isinstance(await worker.fetch(after=PAUSE), RetryLater)
        assert api.paths().count(DETAIL) == 3

    on_a_script(books, [DOWN], steps)

    assert (books.only().answer, books.only().state) == ("failed", "open")


def test_the_scheduler_requests_inquiries_and_a_worker_attaches_the_answers(
    books: BreakBooks,
) -> None:
    books.theirs("r1", 100, 0)
    books.run()
    settings = settings_of("aggregator", "http://127.0.0.1:1", "k")
    terms = settings.breaks.model_copy(update={"ask": (BreakKind.MISSING_IN_LEDGER,)})
    broker = StubBroker(middleware=[CurrentMessage(), Retries(max_retries=5)])
    broker.emit_after("process_boot")
    context = WorkerContext(engine=books.engine, clock=SystemClock(), providers={})
    runner = JobRunner(broker, Random(1), lambda _job, _error: None)
    declare_actors(broker, context, runner, lambda _slug, key, _at: answer_about(key), TERMS)

    schedule_inquiries(settings, books.engine, broker)
    unrequested = broker.queues["fetch"].qsize()
    schedule_inquiries(settings.model_copy(update={"breaks": terms}), books.engine, broker)
    worker = Worker(broker, worker_threads=1, worker_timeout=50)
    worker.start()
    try:
        broker.join("fetch", timeout=60_000)
        worker.join()
    finally:
        worker.stop()

    (note,) = queries.break_history(books.engine, books.only().break_id).notes
    assert unrequested == 0
    assert books.only().answer == "confirmed"
    assert note.body == f"{SLUG} about r1: confirmed, r1 is in their list"
    broker.close()


def answer_about(key: str) -> InquiryAnswer:
    return InquiryAnswer(verdict="confirmed", reason=f"{key} is in their list")


def test_the_scratch_card_platform_shows_the_transactions_of_a_round() -> None:
    api = make_api(XIGS, 1)
    assert isinstance(api, XigsApi)
    plan = make_plan(seed=2, callbacks=40, players=3, systems=(XIGS,), currency="USD")
    span = RunSpan(NOON, NOON + timedelta(minutes=1), len(plan.steps))
    until = NOON + timedelta(hours=2)
    api.state.play(history_of(plan), span, game=api.games[0], until=until)
    known_round = str(api.state.transaction_rows()[0]["roundId"])

    async def steps() -> list[InquiryAnswer]:
        async with serve([XIGS], 0, 1, apis={XIGS: api}) as up:
            settings = settings_of("xigs", up.urls[XIGS], "demo-xigs-secret")
            entry = settings.providers[0]
            return [await inquire(entry, key, NOON, frozenset()) for key in (known_round, "r0")]

    shown, unknown = asyncio.run(steps())

    assert (shown.verdict, unknown.verdict) == ("confirmed", "unknown")
    assert shown.page is not None
    assert known_round.encode() in shown.page


def test_a_provider_without_such_a_call_says_so_and_an_unreachable_one_raises() -> None:
    entry = {"slug": SLUG, "dialect": "sportsbook", "currency": "EUR", "secrets": ["literal:s"]}
    without_call = Settings.model_validate({"providers": [entry]}, context={"mode": "test"})
    unreachable = settings_of("aggregator", "http://127.0.0.1:1", "k")

    assert (
        asker(without_call)(SLUG, "r1", None).reason == "its document has no call about one bet"
    )
    with pytest.raises(ApiUnavailable, match="detail-bet"):
        asker(unreachable)(SLUG, "r1", None)
