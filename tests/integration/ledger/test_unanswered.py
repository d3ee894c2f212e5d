"""A booked operation whose answer was not confirmed waits until something settles it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from msgspec import structs

from ledger.accepting.acceptor import Accepted, Acceptor, accept_own_operation
from ledger.accepting.receiver_session import ReceiverSession
from storage.engine import open_accept_connection
from tests.harness.books.ledger import (
    NOON,
    SLUG,
    bet,
    bet_and_win,
    deposit,
    open_wallets,
    request,
    rollback,
    round_end,
)
from tests.harness.books.unanswered import AGE
from vocabulary.facts import Fact

UNANSWERED = "SELECT op_key, cause FROM unanswered_operations ORDER BY wallet_seq"


class ReceiverBooks:
    """The books behind receivers that are closed, or killed, as a test wants."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.acceptor = self.opened()

    def opened(self) -> Acceptor:
        connect = partial(open_accept_connection, self.url)
        return Acceptor(connect, session=ReceiverSession())

    async def book(self, *facts: Fact, at_minute: int = 0) -> Accepted:
        """Commit facts as one batch, and do not answer them."""
        received = NOON + timedelta(minutes=at_minute)
        requests = [structs.replace(request(fact), received_at=received) for fact in facts]
        return await self.acceptor.accept(requests)

    async def answer(self, *facts: Fact, at_minute: int = 0) -> None:
        """Commit facts as one batch, answer them and confirm the answers."""
        accepted = await self.book(*facts, at_minute=at_minute)
        self.acceptor.answered(accepted.written)
        await self.acceptor.confirm()

    async def lose_connection(self) -> None:
        """End the session, and tell the database so over a new connection."""
        await self.acceptor.close()
        await self.acceptor.confirm()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def unanswered(self) -> list[tuple[str, str]]:
        """Unanswered operations with their causes, a minute later."""
        with psycopg.connect(self.url) as connection:
            connection.execute(AGE)
        return self.rows(UNANSWERED)


@asynccontextmanager
async def receiver(url: str) -> AsyncIterator[ReceiverBooks]:
    books = ReceiverBooks(url)
    try:
        yield books
    finally:
        await books.acceptor.close()


Story = Callable[[ReceiverBooks], Awaitable[None]]


@pytest.fixture
def tell(database: str) -> Callable[[Story], None]:
    open_wallets(database, ("ann", 1000))

    async def within(story: Story) -> None:
        async with receiver(database) as books:
            await story(books)

    return lambda story: asyncio.run(within(story))


def test_a_batch_that_was_never_confirmed_is_unanswered_after_a_minute(
    tell: Callable[[Story], None],
) -> None:
    async def story(books: ReceiverBooks) -> None:
        await books.answer(bet("answered", 10))
        await books.book(bet("booked", 10), bet("booked too", 10))

        assert books.rows(UNANSWERED) == []
        assert books.unanswered() == [
            ("booked", "receiver_stopped"),
            ("booked too", "receiver_stopped"),
        ]

    tell(story)


def test_the_next_batch_confirms_the_answers_before_it(tell: Callable[[Story], None]) -> None:
    async def story(books: ReceiverBooks) -> None:
        first = await books.book(bet("first", 10))
        books.acceptor.answered(first.written)
        await books.book(bet("second", 10))

        assert books.unanswered() == [("second", "receiver_stopped")]

    tell(story)


def test_a_receiver_that_gave_a_commit_up_says_so_and_keeps_what_it_had_answered(
    tell: Callable[[Story], None],
) -> None:
    async def story(books: ReceiverBooks) -> None:
        first = await books.book(bet("first", 10))
        await books.book(bet("given up", 10))
        # The answers of the first batch were written while the second was committed.
        books.acceptor.answered(first.written)
        await books.lose_connection()
        await books.answer(bet("later", 10))

        assert books.unanswered() == [("given up", "commit_unknown")]

    tell(story)


def test_an_answered_repeat_settles_and_an_unanswered_one_does_not(
    tell: Callable[[Story], None],
) -> None:
    async def story(books: ReceiverBooks) -> None:
        await books.book(bet("k", 10))
        await books.lose_connection()
        await books.book(bet("k", 10))
        await books.lose_connection()
        assert books.unanswered() == [("k", "commit_unknown")]

        await books.answer(bet("k", 10))
        assert books.unanswered() == []

    tell(story)


def test_a_repeat_within_the_batch_that_was_given_up_settles_nothing(
    tell: Callable[[Story], None],
) -> None:
    async def story(books: ReceiverBooks) -> None:
        await books.book(bet("k", 10), bet("k", 10))
        await books.lose_connection()

        assert books.rows("SELECT verdict FROM deliveries") == [("repeated",)]
        assert books.unanswered() == [("k", "commit_unknown")]

    tell(story)


def test_a_rollback_settles(tell: Callable[[Story], None]) -> None:
    async def story(books: ReceiverBooks) -> None:
        await books.book(bet("k", 10))
        await books.lose_connection()
        await books.answer(rollback("undo", "k", round_id="r1"))

        assert books.unanswered() == []

    tell(story)


def test_only_operations_that_moved_money_are_unanswered(tell: Callable[[Story], None]) -> None:
    async def story(books: ReceiverBooks) -> None:
        too_much = bet("declined", 5_000)
        even = bet_and_win("even", 20, 20)
        await books.book(even, too_much, round_end("end", of="even", staked=20, paid=20))

        assert books.unanswered() == [("even", "receiver_stopped")]

    tell(story)


def test_an_answer_that_its_connection_did_not_take_is_lost_until_a_later_repeat(
    tell: Callable[[Story], None],
) -> None:
    async def story(books: ReceiverBooks) -> None:
        await books.answer(bet("k", 10))
        books.acceptor.lost(SLUG, "k", NOON + timedelta(minutes=1))
        await books.acceptor.confirm()
        assert books.rows(UNANSWERED) == [("k", "connection_closed")]

        await books.answer(bet("k", 10), at_minute=2)
        assert books.rows(UNANSWERED) == []
        # The repeat's answer is lost in its turn.
        books.acceptor.lost(SLUG, "k", NOON + timedelta(minutes=3))
        await books.acceptor.confirm()
        assert books.unanswered() == [("k", "connection_closed")]

    tell(story)


def test_nothing_is_confirmed_twice(tell: Callable[[Story], None]) -> None:
    async def story(books: ReceiverBooks) -> None:
        await books.answer(bet("k", 10))
        await books.lose_connection()
        (session,) = books.rows("SELECT xmin::text FROM receiver_sessions WHERE session_id = 1")
        await books.acceptor.confirm()

        assert books.rows("SELECT xmin::text FROM receiver_sessions WHERE session_id = 1") == [
            session
        ]

    tell(story)


def test_our_own_operations_wait_for_no_answer(database: str) -> None:
    open_wallets(database, ("ann", 1000))
    accept_own_operation(database, deposit("gift", 10), now=NOON)
    books = ReceiverBooks(database)

    assert books.rows("SELECT DISTINCT session_id FROM batches") == [(None,)]
    assert books.unanswered() == []
