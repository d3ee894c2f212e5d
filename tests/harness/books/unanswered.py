"""Operations that a receiver booked and did not answer."""

import asyncio
from functools import partial

import psycopg

from ledger.accepting.acceptor import Acceptor
from ledger.accepting.receiver_session import ReceiverSession
from storage.engine import open_accept_connection
from tests.harness.books.ledger import request
from vocabulary.facts import Fact

#: A batch of the last minute may still be confirmed.
AGE = (
    "SET LOCAL session_replication_role = replica;"
    " UPDATE batches SET committed_at = committed_at - interval '2 minutes'"
)


def book_unanswered(url: str, *facts: Fact) -> None:
    """Book facts as one batch whose commit the receiver then gives up."""
    asyncio.run(_book(url, facts))
    with psycopg.connect(url) as connection:
        connection.execute(AGE)


async def _book(url: str, facts: tuple[Fact, ...]) -> None:
    acceptor = Acceptor(partial(open_accept_connection, url), session=ReceiverSession())
    try:
        await acceptor.accept([request(fact) for fact in facts])
        await acceptor.close()
        await acceptor.confirm()
    finally:
        await acceptor.close()
