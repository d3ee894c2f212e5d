"""A real receiver accepts, repeats, refuses and counts real callbacks."""

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
from tests.harness.servers.receiver import (
    OLD_SECRET,
    SECRET,
    LedgerDatabase,
    ReceiverClient,
    Reply,
    TieoutProcess,
)

_numbers = itertools.count(1)


class RunningReceiver:
    """One receiver with its database, shared by the tests; each uses its own players."""

    def __init__(
        self, client: ReceiverClient, books: LedgerDatabase, process: TieoutProcess
    ) -> None:
        self.client = client
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
        callback = transaction(
            player, key, action, amount=amount, currency=currency, secret=secret
        )
        return self.client.post("sport", callback)


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
def receiver(
    postgres: Any, valkey: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningReceiver]:
    from ops.engines import valkey_server

    postgres.clone("of_one_receiver")
    books = LedgerDatabase(postgres.url("of_one_receiver"))
    at = tmp_path_factory.mktemp("receiver")
    with harness.receivers(at, books.url, valkey_server.url(valkey, 15)) as (
        client,
        (process,),
    ):
        yield RunningReceiver(client, books, process)
    books.close()
    postgres.drop("of_one_receiver")


SAMPLES = {
    slug: [read_request(folder(dialect) / f"{case}.http") for case in cases]
    for slug, dialect, cases in (
        ("games", "aggregator", ("balance", "bet", "settle_bet", "bet_end", "history")),
        ("sport", "sportsbook", ("bet", "rollback")),
    )
}


def test_the_aggregators_sample_requests_are_accepted_end_to_end(
    receiver: RunningReceiver,
) -> None:
    receiver.books.player("LAG1.0632094194", balance="296.59")

    replies = [receiver.client.post("games", callback) for callback in SAMPLES["games"]]

    assert [reply.status for reply in replies] == [200] * 5
    documents = [json.loads(reply.body) for reply in replies]
    assert [document.get("balance") for document in documents] == [
        296.59,
        291.59,
        311.59,
        311.59,
        None,
    ]
    assert documents[0]["game_type"] == "slot"
    assert documents[4] == {"status": True}
    assert receiver.books.balance("LAG1.0632094194") == 31159


def test_the_sportsbooks_sample_requests_are_accepted_end_to_end(
    receiver: RunningReceiver,
) -> None:
    receiver.books.player("42", balance="10.00")

    bet_reply, rollback_reply = [
        receiver.client.post("sport", callback) for callback in SAMPLES["sport"]
    ]
    repeat = receiver.client.post("sport", SAMPLES["sport"][0])

    assert bet_reply.status == rollback_reply.status == 200
    assert json.loads(bet_reply.body)["error"] is None
    assert json.loads(rollback_reply.body)["error"] is None
    assert repeat == bet_reply
    assert receiver.books.balance("42") == 1000


def test_sixty_four_concurrent_copies_of_one_bet_move_once_and_get_the_same_answer(
    receiver: RunningReceiver,
) -> None:
    player = receiver.player()
    callback = transaction(player, "copied", amount="40.00")
    url = f"http://127.0.0.1:{receiver.client.port}/callbacks/sport/transaction"

    async def send(session: aiohttp.ClientSession) -> bytes:
        async with session.post(url, data=callback.body, headers=callback.headers) as response:
            assert response.status == 200
            return await response.read()

    async def copies() -> list[bytes]:
        async with aiohttp.ClientSession() as session:
            return await asyncio.gather(*(send(session) for _ in range(64)))

    replies = asyncio.run(copies())

    assert len(replies) == 64
    assert len(set(replies)) == 1
    assert json.loads(replies[0])["error"] is None
    assert receiver.books.balance(player) == 6000
    stored = receiver.books.rows("SELECT count(*) FROM operations WHERE op_key = 'copied'")
    repeats = receiver.books.rows(
        "SELECT count(*) FROM deliveries WHERE op_key = 'copied' AND verdict = 'repeated'"
    )
    assert (stored, repeats) == ([(1,)], [(63,)])


def test_the_first_request_and_reply_of_an_operation_are_stored_unchanged(
    receiver: RunningReceiver,
) -> None:
    player = receiver.player()
    callback = transaction(player, "evidence")
    reply = receiver.client.post("sport", callback, cookie="a=1", x_request_id="r-1")

    ((headers, body, stored_reply),) = receiver.books.rows(
        "SELECT headers, body, reply FROM operations WHERE op_key = 'evidence'"
    )

    assert (body, stored_reply) == (callback.body, reply.body)
    assert "x-request-id: r-1" in str(headers)
    assert "cookie" not in str(headers)


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_both_live_secrets_are_accepted_during_a_rotation(
    receiver: RunningReceiver, secret: bytes
) -> None:
    player = receiver.player()
    key = f"rotated-{secret.decode()}"

    by_hash = receiver.client.post("sport", transaction(player, key, secret=secret))
    by_field = receiver.client.post("games", bet(player, key, secret=secret))

    assert json.loads(by_hash.body)["error"] is None
    assert json.loads(by_field.body)["balance"] == 94


def test_a_retired_secret_is_refused_and_nothing_is_stored(receiver: RunningReceiver) -> None:
    player = receiver.player()
    before = receiver.books.counts()

    by_hash = receiver.client.post("sport", transaction(player, "forged", secret=b"retired"))
    by_field = receiver.client.post("games", bet(player, "forged", secret=b"retired"))

    assert by_hash == Reply(200, b'{"error":"INVALID_SECURITY_HASH"}')
    assert by_field == Reply(401, b'{"error":"invalid signature"}')
    assert receiver.books.counts() == before
    assert receiver.books.balance(player) == 10000


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
        ("203.0.113.9:17085", True),
        ("[::ffff:203.0.113.9]:443", True),
        ("[2001:db8::9]:443", False),
        ("not an address", False),
    ],
)
def test_only_allowed_addresses_are_accepted_also_through_a_trusted_proxy(
    receiver: RunningReceiver, slug: str, forwarded: str | None, is_allowed: bool
) -> None:
    player = receiver.player()
    key = f"fenced-{player}"
    callback = transaction(player, key) if slug == "sport-fenced" else bet(player, key)
    headers = {} if forwarded is None else {"x_forwarded_for": forwarded}

    reply = receiver.client.post(slug, callback, **headers)

    assert (reply == REFUSED[slug]) is not is_allowed
    assert (receiver.books.balance(player) == 10000) is not is_allowed


def test_a_block_applies_to_the_next_bet_and_wins_are_still_accepted(
    receiver: RunningReceiver,
) -> None:
    player = receiver.player()
    assert json.loads(receiver.transaction(player, f"{player}-1").body)["error"] is None

    options = ("--player", player, "--currency", "USD", "--by", "maria", "--reason", "x")
    blocked = receiver.process.command("players", "block", *options)
    refused = receiver.transaction(player, f"{player}-2")
    won = receiver.transaction(player, f"{player}-3", "result", amount="5.00")

    assert blocked.returncode == 0, blocked.stderr
    assert refused == Reply(200, b'{"error":"USER_BLOCKED"}')
    assert json.loads(won.body)["error"] is None
    assert receiver.books.balance(player) == 10400
    unblocked = receiver.process.command("players", "unblock", *options)
    assert unblocked.returncode == 0, unblocked.stderr
    assert json.loads(receiver.transaction(player, f"{player}-4").body)["error"] is None


def test_a_currency_imported_later_is_usable_without_a_restart(
    receiver: RunningReceiver,
) -> None:
    player = receiver.player()
    assert json.loads(receiver.transaction(player, f"{player}-1").body)["error"] is None
    early = receiver.transaction(player, f"{player}-2", currency="EUR")
    assert early == Reply(200, b'{"error":"INVALID_CURRENCY"}')

    receiver.books.player(player, currency="EUR", balance="3.00")
    late = receiver.transaction(player, f"{player}-3", currency="EUR")

    assert json.loads(late.body)["error"] is None
    assert receiver.books.balance(player, "EUR") == 200


def test_a_player_imported_later_is_known_without_a_restart(receiver: RunningReceiver) -> None:
    player = f"player-{next(_numbers)}"
    unknown = receiver.transaction(player, f"{player}-1")

    receiver.books.player(player)
    accepted = receiver.transaction(player, f"{player}-2")

    assert unknown == Reply(200, b'{"error":"USER_NOT_FOUND"}')
    assert json.loads(accepted.body)["error"] is None


def test_the_receiver_is_alive_and_ready_and_counts_every_verdict(
    receiver: RunningReceiver,
) -> None:
    player = receiver.player(balance="1.00")
    line = 'tieout_callbacks_total{{provider="sport",route="/transaction",verdict="{}"}}'
    verdicts = ("accepted", "declined_funds", "repeated", "conflict", "not_authentic")
    before = [receiver.client.metric(line.format(verdict)) for verdict in verdicts]

    receiver.transaction(player, f"{player}-1")
    receiver.transaction(player, f"{player}-1")
    receiver.transaction(player, f"{player}-1", amount="0.50")
    receiver.transaction(player, f"{player}-2")
    receiver.transaction(player, f"{player}-3", secret=b"wrong")

    after = [receiver.client.metric(line.format(verdict)) for verdict in verdicts]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1] * 5
    assert receiver.client.request("GET", "/livez") == Reply(200, b'{"status": "alive"}')
    assert receiver.client.request("GET", "/readyz") == Reply(200, b'{"status": "ready"}')
    assert receiver.client.metric("tieout_callback_seconds_count") > 0


def test_no_callback_is_pending_once_all_are_answered(receiver: RunningReceiver) -> None:
    assert receiver.transaction(receiver.player(), "pending").status == 200

    assert receiver.client.metric("tieout_callbacks_pending") == 0


def test_the_ledger_verifies_after_all_of_it(receiver: RunningReceiver) -> None:
    assert receiver.books.failed_checks() == []
