"""Signatures against vectors made by the providers' own published algorithm under Node."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from simulator.protocol.json_text import PHP, PLAIN, JsonAmount, Value, top_sorted
from simulator.protocol.messages import Call, CallKind
from simulator.systems.agent_platform import calls as agent_platform
from simulator.systems.aggregator import calls as aggregator
from simulator.systems.sportsbook import calls as sportsbook
from simulator.systems.xigs import calls as xigs
from tests.harness.providers.systems import (
    AGENT_PLATFORM,
    AGGREGATOR,
    SPORTSBOOK,
    XIGS,
    request_for,
)

SECRET = b"test_agent_secret"
BET = Call(
    side=AGGREGATOR,
    kind=CallKind.BET,
    player="p",
    handle="LAG1.0632094194",
    currency="USD",
    reference="1677950013029748736",
    amount=500,
    stake=0,
    payout=0,
    original="",
)


def _bet_fields(amount: Value) -> list[tuple[str, Value]]:
    return [
        ("user_agent", "LAG1.0632094194"),
        ("balance", amount),
        ("bet_id", "1677950013029748736"),
    ]


@pytest.mark.parametrize(
    ("fields", "digest"),
    [
        (
            [("user_agent", "LAG1.0632094194")],
            "96fb9e8a6840030f9230beb26ad6ae0e49c6c5cb8f33ddb3acf869554bfa5aa4",
        ),
        (
            _bet_fields(JsonAmount(500, 2)),
            "0bcc85e605fc2cf08d1894e654d40d420de7d340d421542113d520ee2bb55274",
        ),
        (
            _bet_fields(JsonAmount(510, 2)),
            "23746ecf171c90d74293fe961be6645b69f6fe73dd78dcdf3d66affcceabb07e",
        ),
        (
            _bet_fields("5"),
            "a1412a31913e7344fd7a69754ace13f9d4bc1588df6a9334e14ab46524383cf7",
        ),
        (
            [("user_agent", "u"), ("balance", JsonAmount(1, 7)), ("bet_id", "a")],
            "8eb9b1780ca4e492a2bf530f069ba709c4cfb51e14c5579521a2d402a2e57627",
        ),
        (
            [("user_agent", "u"), ("balance", JsonAmount(0, 2)), ("bet_id", "a")],
            "ab175b3e28ec428d9246673fae7c012230737352b9561407bae110422add3f00",
        ),
        (
            [("user_agent", "u"), ("balance", JsonAmount(10**18, 2)), ("bet_id", "a")],
            "67e25c5fd98fd9e94f7b33314d18618995d4b0ea192493fdc390c3811f8fd06c",
        ),
    ],
)
def test_aggregator_signatures_are_those_of_the_published_algorithm(
    fields: list[tuple[str, Value]], digest: str
) -> None:
    assert aggregator.signature(dict(fields), SECRET) == digest


@pytest.mark.parametrize(
    ("call", "digest"),
    [
        (BET, "0bcc85e605fc2cf08d1894e654d40d420de7d340d421542113d520ee2bb55274"),
        (
            replace(BET, kind=CallKind.WIN, amount=2000, stake=500),
            "df2d582f74e8ed2e08acb7a224891b19937fffe949bc1603eeb1108190489eef",
        ),
        (
            replace(BET, kind=CallKind.ROUND_END, payout=2000),
            "ef9146e0e5b2dad9a1354a631a3c5e4ecadd17560deeccacf7b222f55cafae27",
        ),
    ],
)
def test_whole_aggregator_calls_carry_the_digest_of_the_documented_samples(
    call: Call, digest: str
) -> None:
    assert json.loads(request_for(call, SECRET).body)["hmac"] == digest


def test_a_sportsbook_call_is_the_documented_body_signed_as_raw_bytes() -> None:
    call = replace(BET, side=SPORTSBOOK, handle="42", reference="OP-1", amount=1000, stake=0)
    request = request_for(call, b"test_security_hash")
    assert request.body == (
        b'{"transaction_id":"OP-1","action":"bet","user_id":"42",'
        b'"currency":"USD","amount":"10.00"}'
    )
    digest = "14b62f8f47dcfbfeb0c5694bbbef00da5aabc05e1575b07c7e230160f102b2ff"
    assert request.headers["X-Security-Hash"] == digest
    assert sportsbook.signature(request.body, b"other") != digest


@pytest.mark.parametrize(
    ("number", "plain", "javascript"),
    [
        (JsonAmount(500, 2), "5", "5"),
        (JsonAmount(510, 2), "5.1", "5.1"),
        (JsonAmount(25, 2), "0.25", "0.25"),
        (JsonAmount(-5, 2), "-0.05", "-0.05"),
        (JsonAmount(0, 2), "0", "0"),
        (JsonAmount(7000, 0), "7000", "7000"),
        (JsonAmount(100, 8), "0.000001", "0.000001"),
        (JsonAmount(10, 8), "0.0000001", "1e-7"),
        (JsonAmount(12, 8), "0.00000012", "1.2e-7"),
        (JsonAmount(-1, 8), "-0.00000001", "-1e-8"),
        (JsonAmount(100_000_012, 8), "1.00000012", "1.00000012"),
    ],
)
def test_numbers_print_as_plain_decimals_and_are_signed_as_javascript_prints_them(
    number: JsonAmount, plain: str, javascript: str
) -> None:
    assert number.plain() == plain
    assert number.javascript() == javascript


def test_each_kind_of_call_goes_to_its_documented_route() -> None:
    transaction = replace(BET, side=SPORTSBOOK)
    routes = [
        request_for(call, SECRET).route
        for call in (
            replace(BET, kind=CallKind.BALANCE),
            BET,
            replace(BET, kind=CallKind.WIN),
            replace(BET, kind=CallKind.ROUND_END),
            transaction,
            replace(transaction, kind=CallKind.WIN),
            replace(transaction, kind=CallKind.ROLLBACK, original="T1"),
        )
    ]
    assert routes == [
        "/balance",
        "/bet",
        "/settle-bet",
        "/bet-end",
        "/transaction",
        "/transaction",
        "/transaction-rollback",
    ]


SPIN = replace(
    BET,
    side=AGENT_PLATFORM,
    kind=CallKind.BET_AND_WIN,
    handle="player_123",
    reference="M1",
    amount=1000,
    payout=2550,
)

LINK: dict[str, Value] = {
    "agent_id": 1,
    "timestamp": 1640995200,
    "game_id": 123,
    "player_id": "player_123",
    "player_username": "john_doe",
    "language": "ru",
    "currency": "RUB",
    "home_url": "https://example.com",
    "agent_session_id": "session_abc123",
    "ip": "192.168.1.1",
}


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (
            PHP(top_sorted(LINK)),
            "3d9b01ea1a323c1899bc574766abd71523f2a1a40349781460fa5c168f328c89",
        ),
        (
            PLAIN(top_sorted(LINK)),
            "25448c7b9fa0832000c36a97078da7910785d2c514cab12d6125ac09b244a549",
        ),
    ],
)
def test_agent_platform_signatures_are_those_of_the_vector_table(
    text: str, digest: str
) -> None:
    assert agent_platform.signature(text, b"your-api-token-here") == digest


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("https://x/ž", '"https:\\/\\/x\\/\\u017e"'),
        ("\U0001f3b0", '"\\ud83c\\udfb0"'),
        ('"\\\n\x7f', '"\\"\\\\\\n\x7f"'),
        (JsonAmount(1000, 2), "10"),
        (JsonAmount(2550, 2), "25.5"),
        ({"b": True, "a": [1, "/"]}, '{"b":true,"a":[1,"\\/"]}'),
    ],
)
def test_php_escapes_slashes_and_all_that_is_not_ascii(value: Value, printed: str) -> None:
    assert PHP(value) == printed


def test_a_spin_names_both_legs_its_session_and_its_delivery() -> None:
    body = json.loads(request_for(SPIN, SECRET, agent_id=7).body)
    assert {name: body[name] for name in ("agent_id", "type", "bet", "win", "currency")} == {
        "agent_id": 7,
        "type": "makeBet",
        "bet": 10,
        "win": 25.5,
        "currency": "USD",
    }
    assert (body["transaction_id"], body["player_id"]) == ("M1", "player_123")
    assert str(UUID(body["session_id"])) == body["session_id"]
    assert body["round_finished"] is True


def test_a_repeated_delivery_has_another_request_id_and_otherwise_says_the_same() -> None:
    first, again = (
        json.loads(request_for(replace(SPIN, attempt=n), SECRET).body) for n in (1, 2)
    )
    assert request_for(SPIN, SECRET) == request_for(SPIN, SECRET)
    assert first.pop("request_id") != again.pop("request_id")
    assert first == again


def test_agent_platform_bodies_come_in_every_order_and_are_signed_in_either() -> None:
    seen = set()
    for attempt in range(30):
        request = request_for(replace(SPIN, attempt=attempt), SECRET)
        body = json.loads(request.body)
        in_order = list(body) == sorted(body)
        as_sent = agent_platform.signature(request.body.decode(), SECRET)
        over_sorted = agent_platform.signature(_php_sorted(body), SECRET)
        signed = request.headers["X-Signature"]
        assert signed in {as_sent, over_sorted}
        seen.add((in_order, signed == as_sent))
    assert seen == {(True, True), (False, True), (False, False)}


def _php_sorted(body: dict[str, object]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return text.replace("/", "\\/")


def test_a_rollback_names_itself_and_what_it_undoes_and_no_amount() -> None:
    undo = replace(SPIN, kind=CallKind.ROLLBACK, reference="M2", original="M1")
    body = json.loads(request_for(undo, SECRET).body)
    assert (body["transaction_id"], body["rollback_transaction_id"]) == ("M2", "M1")
    assert body["type"] == "rollback"
    assert not {"bet", "win"} & set(body)


def test_a_rollback_without_an_id_of_its_own_names_the_original_in_its_place() -> None:
    undo = replace(SPIN, kind=CallKind.ROLLBACK, reference="rollback:M1", original="M1")
    body = json.loads(request_for(undo, SECRET).body)
    assert body["transaction_id"] == "M1"
    assert "rollback_transaction_id" not in body


def test_a_balance_question_names_no_transaction() -> None:
    body = json.loads(request_for(replace(SPIN, kind=CallKind.BALANCE), SECRET).body)
    assert body["type"] == "getBalance"
    assert "transaction_id" not in body


def test_scratch_card_signatures_are_those_of_the_published_algorithm() -> None:
    body: dict[str, Value] = {
        "userToken": "tok",
        "gameId": "507f191e810c19729de860ea",
        "meta": {"b": [{"d": 1, "c": 2}], "a": JsonAmount(150, 2)},
    }
    assert xigs.signature(body, b"a1b2c3") == (
        "c5e5fc5ba0b6f8ccef5a72e66d2eb40da147b068acb498edaa5082d7241c99de"
        "a37fb6819cb1ed1693fdd6a9a05422350fe0a0037f6cdd55cd6aaaee1e94778a"
    )


def test_a_round_is_opened_with_the_price_and_closed_with_the_prize_on_one_url() -> None:
    ticket = replace(BET, side=XIGS, reference="R1")
    prize = replace(ticket, kind=CallKind.WIN, amount=1250)
    at = datetime(2026, 6, 4, 9, 30, tzinfo=UTC)
    opened, closed = (request_for(call, SECRET, sent_at=at) for call in (ticket, prize))
    assert (opened.route, closed.route) == ("", "")
    first, second = json.loads(opened.body), json.loads(closed.body)
    assert (first["eventType"], first["amount"]) == ("open-round", 5)
    assert (second["eventType"], second["amount"]) == ("close-round", 12.5)
    assert first["roundId"] == second["roundId"] == "R1"
    assert first["transactionId"] != second["transactionId"]
    assert first["timestamp"] == "2026-06-04T09:30:00.000Z"
    assert "timestamp" not in json.loads(request_for(ticket, SECRET).body)
    assert list(first) != sorted(first)
    text = json.dumps(first, sort_keys=True, separators=(",", ":"))
    digest = hmac.new(SECRET, text.encode(), hashlib.sha512).hexdigest()
    assert opened.headers["x-signed-request"] == digest
