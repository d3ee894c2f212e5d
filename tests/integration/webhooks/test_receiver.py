"""A real receiver answers real callbacks: accepted, repeated, refused, counted."""

import asyncio
import itertools
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from providers.contract import Callback
from tests.harness.dialects.aggregator import sign_aggregator
from tests.harness.dialects.sportsbook import sign_sportsbook
from tests.harness.providers.samples import folder, read_request
from tests.harness.servers import receiver as harness
from tests.harness.servers.receiver import OLD_SECRET, SECRET, Books, Door, Reply, Tieout

_numbers = itertools.count(1)


class Place:
    """One receiver with its books; shared by the tests, each with players of its own."""

    def __init__(self, door: Door, books: Books, process: Tieout) -> None:
        self.door = door
        self.books = books
        self.process = process

    def player(self, balance: str = "100.00", currency: str = "USD") -> str:
        name = f"player-{next(_numbers)}"
        self.books.player(name, balance=balance, currency=currency)
        return name

    def transaction(
        self,
        player: str,
        key: str,
        action: str = "bet",
        *,
        amount: str = "1.00",
        currency: str = "USD",
        secret: bytes = SECRET,
    ) -> Reply:
        came = transaction(player, key, action, amount=amount, currency=currency, secret=secret)
        return self.door.post("sport", came)


def transaction(
    player: str,
    key: str,
    action: str = "bet",
    *,
    amount: str = "1.00",
    currency: str = "USD",
    secret: bytes = SECRET,
) -> Callback:
    document = {
        "transaction_id": key,
        "action": action,
        "user_id": player,
        "currency": currency,
        "amount": amount,
    }
    return sign_sportsbook("/transaction", json.dumps(document).encode(), secret)


def bet(player: str, bet_id: str, *, secret: bytes = SECRET) -> Callback:
    text = f'{{"balance":5,"bet_id":"{bet_id}","user_agent":"{player}"}}'
    return sign_aggregator("/bet", text.encode(), secret)


@pytest.fixture(scope="module")
def place(
    postgres: Any, valkey: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    from ops.runtime import valkey_server

    postgres.execute("CREATE DATABASE of_one_receiver TEMPLATE template_books")
    books = Books(postgres.url("of_one_receiver"))
    at = tmp_path_factory.mktemp("receiver")
    with harness.receivers(at, books.url, valkey_server.url(valkey, 15)) as (door, (process,)):
        yield Place(door, books, process)
    books.close()
    postgres.execute("DROP DATABASE of_one_receiver WITH (FORCE)")


SAMPLES = {
    slug: [read_request(folder(dialect) / f"{case}.http") for case in cases]
    for slug, dialect, cases in (
        ("games", "aggregator", ("balance", "bet", "settle_bet", "bet_end", "history")),
        ("sport", "sportsbook", ("bet", "rollback")),
    )
}


def test_the_samples_of_the_aggregator_are_taken_end_to_end(place: Place) -> None:
    place.books.player("LAG1.0632094194", balance="296.59")

    replies = [place.door.post("games", came) for came in SAMPLES["games"]]

    assert [reply.status for reply in replies] == [200] * 5
    shown = [json.loads(reply.body) for reply in replies]
    assert [one.get("balance") for one in shown] == [296.59, 291.59, 311.59, 311.59, None]
    assert shown[0]["game_type"] == "slot"
    assert shown[4] == {"status": True}
    assert place.books.balance("LAG1.0632094194") == 31159


def test_the_samples_of_the_sportsbook_are_taken_end_to_end(place: Place) -> None:
    place.books.player("42", balance="10.00")

    bet_reply, rollback_reply = [place.door.post("sport", came) for came in SAMPLES["sport"]]
    again = place.door.post("sport", SAMPLES["sport"][0])

    assert bet_reply.status == rollback_reply.status == 200
    assert json.loads(bet_reply.body)["error"] is None
    assert json.loads(rollback_reply.body)["error"] is None
    assert again == bet_reply
    assert place.books.balance("42") == 1000


def test_sixty_four_copies_of_one_bet_at_once_move_once_and_hear_the_same_bytes(
    place: Place,
) -> None:
    player = place.player()
    came = transaction(player, "copied", amount="40.00")
    url = f"http://127.0.0.1:{place.door.port}/callbacks/sport/transaction"

    async def one(session: aiohttp.ClientSession) -> bytes:
        async with session.post(url, data=came.body, headers=came.headers) as response:
            assert response.status == 200
            return await response.read()

    async def copies() -> list[bytes]:
        async with aiohttp.ClientSession() as session:
            return await asyncio.gather(*(one(session) for _ in range(64)))

    replies = asyncio.run(copies())

    assert len(replies) == 64
    assert len(set(replies)) == 1
    assert json.loads(replies[0])["error"] is None
    assert place.books.balance(player) == 6000
    stored = place.books.rows("SELECT count(*) FROM operations WHERE op_key = 'copied'")
    repeats = place.books.rows(
        "SELECT count(*) FROM deliveries WHERE op_key = 'copied' AND verdict = 'repeated'"
    )
    assert (stored, repeats) == ([(1,)], [(63,)])


def test_the_first_body_and_reply_of_an_operation_are_kept_as_they_were(place: Place) -> None:
    player = place.player()
    came = transaction(player, "evidence")
    reply = place.door.post("sport", came, cookie="a=1", x_request_id="r-1")

    ((headers, body, kept),) = place.books.rows(
        "SELECT headers, body, reply FROM operations WHERE op_key = 'evidence'"
    )

    assert (body, kept) == (came.body, reply.body)
    assert "x-request-id: r-1" in str(headers)
    assert "cookie" not in str(headers)


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_both_live_secrets_are_believed_while_they_are_rotated(
    place: Place, secret: bytes
) -> None:
    player = place.player()
    key = f"rotated-{secret.decode()}"

    by_hash = place.door.post("sport", transaction(player, key, secret=secret))
    by_field = place.door.post("games", bet(player, key, secret=secret))

    assert json.loads(by_hash.body)["error"] is None
    assert json.loads(by_field.body)["balance"] == 94


def test_a_secret_that_is_not_live_is_refused_and_nothing_is_kept(place: Place) -> None:
    player = place.player()
    before = place.books.counts()

    by_hash = place.door.post("sport", transaction(player, "forged", secret=b"retired"))
    by_field = place.door.post("games", bet(player, "forged", secret=b"retired"))

    assert by_hash == Reply(200, b'{"error":"INVALID_SECURITY_HASH"}')
    assert by_field == Reply(401, b'{"error":"invalid signature"}')
    assert place.books.counts() == before
    assert place.books.balance(player) == 10000


REFUSED = {
    "sport-fenced": Reply(200, b'{"error":"INVALID_REQUEST"}'),
    "games-fenced": Reply(403, b'{"error":"IP not allowed"}'),
}


@pytest.mark.parametrize("slug", REFUSED)
@pytest.mark.parametrize(
    ("forwarded", "is_allowed"),
    [
        (None, False),
        ("203.0.113.7", True),
        ("198.51.100.1, 203.0.113.7", True),
        ("203.0.113.7, 198.51.100.1", False),
        ("203.0.114.1", False),
        ("::ffff:203.0.113.8", True),
        ("not an address", False),
    ],
)
def test_only_allowed_addresses_come_in_also_through_a_trusted_proxy(
    place: Place, slug: str, forwarded: str | None, is_allowed: bool
) -> None:
    player = place.player()
    key = f"fenced-{player}"
    came = transaction(player, key) if slug == "sport-fenced" else bet(player, key)
    more = {} if forwarded is None else {"x_forwarded_for": forwarded}

    reply = place.door.post(slug, came, **more)

    assert (reply == REFUSED[slug]) is not is_allowed
    assert (place.books.balance(player) == 10000) is not is_allowed


def test_a_blocked_player_is_known_at_the_next_bet_and_wins_are_still_taken(
    place: Place,
) -> None:
    player = place.player()
    assert json.loads(place.transaction(player, f"{player}-1").body)["error"] is None

    words = ("--player", player, "--currency", "USD", "--by", "maria", "--reason", "x")
    blocked = place.process.command("players", "block", *words)
    refused = place.transaction(player, f"{player}-2")
    won = place.transaction(player, f"{player}-3", "result", amount="5.00")

    assert blocked.returncode == 0, blocked.stderr
    assert refused == Reply(200, b'{"error":"USER_BLOCKED"}')
    assert json.loads(won.body)["error"] is None
    assert place.books.balance(player) == 10400
    unblocked = place.process.command("players", "unblock", *words)
    assert unblocked.returncode == 0, unblocked.stderr
    assert json.loads(place.transaction(player, f"{player}-4").body)["error"] is None


def test_a_currency_imported_later_is_usable_without_a_restart(place: Place) -> None:
    player = place.player()
    assert json.loads(place.transaction(player, f"{player}-1").body)["error"] is None
    early = place.transaction(player, f"{player}-2", currency="EUR")
    assert early == Reply(200, b'{"error":"INVALID_CURRENCY"}')

    place.books.player(player, currency="EUR", balance="3.00")
    late = place.transaction(player, f"{player}-3", currency="EUR")

    assert json.loads(late.body)["error"] is None
    assert place.books.balance(player, "EUR") == 200


def test_a_player_imported_later_is_known_without_a_restart(place: Place) -> None:
    player = f"player-{next(_numbers)}"
    unknown = place.transaction(player, f"{player}-1")

    place.books.player(player)
    known = place.transaction(player, f"{player}-2")

    assert unknown == Reply(200, b'{"error":"USER_NOT_FOUND"}')
    assert json.loads(known.body)["error"] is None


def test_alive_ready_and_every_verdict_counted(place: Place) -> None:
    player = place.player(balance="1.00")
    line = 'tieout_callbacks_total{{provider="sport",route="/transaction",verdict="{}"}}'
    verdicts = ("accepted", "declined_funds", "repeated", "conflict", "not_authentic")
    before = [place.door.metric(line.format(verdict)) for verdict in verdicts]

    place.transaction(player, f"{player}-1")
    place.transaction(player, f"{player}-1")
    place.transaction(player, f"{player}-1", amount="0.50")
    place.transaction(player, f"{player}-2")
    place.transaction(player, f"{player}-3", secret=b"wrong")

    after = [place.door.metric(line.format(verdict)) for verdict in verdicts]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1] * 5
    assert place.door.ask("GET", "/livez") == Reply(200, b'{"status": "alive"}')
    assert place.door.ask("GET", "/readyz") == Reply(200, b'{"status": "ready"}')
    assert place.door.metric("tieout_callback_seconds_count") > 0


def test_the_books_hold_after_all_of_it(place: Place) -> None:
    assert place.books.wrong() == []
