"""Answers are read as the provider's document says."""

import pytest

from simulator.protocol.messages import Kind, Seen, Side
from simulator.protocol.responses import Reading, Reply, is_retryable, read

UNREADABLE = Reading(None, None)


@pytest.mark.parametrize(
    ("status", "body", "kind", "reading"),
    [
        (200, b'{"balance":291.59,"tmp":0}', Kind.BET, Reading(Seen.SUCCESS, 29159)),
        (200, b'{"balance":5,"turn_over":1}', Kind.BALANCE, Reading(Seen.BALANCE, 500)),
        (200, b'{"balance":-0.05}', Kind.WIN, Reading(Seen.SUCCESS, -5)),
        (400, b'{"error":"Insufficient balance"}', Kind.BET, Reading(Seen.DECLINED, None)),
        (200, b'{"error":"Insufficient balance"}', Kind.BET, Reading(Seen.DECLINED, None)),
        (403, b'{"error":"User blocked"}', Kind.BET, Reading(Seen.DECLINED, None)),
        (404, b'{"error":"Bet not found"}', Kind.WIN, Reading(Seen.REFUSED, None)),
        (
            409,
            b'{"error":"Duplicate transaction mismatch"}',
            Kind.BET,
            Reading(Seen.CONFLICT, None),
        ),
        (200, b'{"tmp":0}', Kind.BET, UNREADABLE),
        (200, b'{"balance":"5"}', Kind.BET, UNREADABLE),
        (200, b'{"balance":5.001}', Kind.BET, UNREADABLE),
        (200, b'{"error":{"code":1}}', Kind.BET, UNREADABLE),
        (200, b"OK", Kind.BET, UNREADABLE),
        (200, b"[1]", Kind.BET, UNREADABLE),
        (200, b"\xff", Kind.BET, UNREADABLE),
    ],
)
def test_aggregator_answers(status: int, body: bytes, kind: Kind, reading: Reading) -> None:
    reply = Reply(status, body)
    assert read(reply, side=Side.AGGREGATOR, kind=kind, currency="USD") == reading


@pytest.mark.parametrize(
    ("body", "reading"),
    [
        (b'{"error":null,"transaction_id":"txn-1-1"}', Reading(Seen.SUCCESS, None)),
        (b'{"error":null}', UNREADABLE),
        (b'{"error":"INSUFFICIENT_FUNDS"}', Reading(Seen.DECLINED, None)),
        (b'{"error":"INSUFFICENT_FUNDS"}', Reading(Seen.DECLINED, None)),
        (b'{"error":"TRANSACTION_CONFLICT"}', Reading(Seen.CONFLICT, None)),
        (b'{"error":"TRANSACTION_ROLLED_BACK"}', Reading(Seen.REFUSED, None)),
        (b'{"error":"USER_NOT_FOUND"}', Reading(Seen.REFUSED, None)),
    ],
)
def test_sportsbook_answers(body: bytes, reading: Reading) -> None:
    reply = Reply(200, body)
    assert read(reply, side=Side.SPORTSBOOK, kind=Kind.BET, currency="USD") == reading


@pytest.mark.parametrize(
    ("status", "body", "kind", "reading"),
    [
        (200, b'{"content":{"balance":1000.50}}', Kind.BALANCE, Reading(Seen.BALANCE, 100050)),
        (200, b'{"content":{"balance":-3}}', Kind.ROLLBACK, Reading(Seen.SUCCESS, -300)),
        (
            400,
            b'{"error":"insufficient_funds","message":"no"}',
            Kind.BET_AND_WIN,
            Reading(Seen.DECLINED, None),
        ),
        (403, b'{"error":"player_blocked"}', Kind.BET_AND_WIN, Reading(Seen.DECLINED, None)),
        (
            409,
            b'{"error":"duplicate_transaction"}',
            Kind.ROLLBACK,
            Reading(Seen.CONFLICT, None),
        ),
        (
            409,
            b'{"error":"transaction_rolled_back"}',
            Kind.BET_AND_WIN,
            Reading(Seen.REFUSED, None),
        ),
        (404, b'{"error":"player_not_found"}', Kind.BALANCE, Reading(Seen.REFUSED, None)),
        (201, b'{"content":{"balance":1}}', Kind.BALANCE, Reading(Seen.REFUSED, None)),
        (200, b'{"content":{}}', Kind.BALANCE, UNREADABLE),
        (200, b'{"content":[1]}', Kind.BALANCE, UNREADABLE),
        (200, b'{"balance":1}', Kind.BALANCE, UNREADABLE),
    ],
)
def test_agent_platform_answers(status: int, body: bytes, kind: Kind, reading: Reading) -> None:
    reply = Reply(status, body)
    assert read(reply, side=Side.AGENT_PLATFORM, kind=kind, currency="USD") == reading


@pytest.mark.parametrize(
    ("status", "body", "reading"),
    [
        (200, b'{"status":"success","data":{"balance":291.5}}', Reading(Seen.SUCCESS, 29150)),
        (200, b'{"status":"success","data":{}}', UNREADABLE),
        (200, b'{"status":"error","data":{"balance":1}}', UNREADABLE),
        (200, b'{"data":{"balance":1}}', UNREADABLE),
        (200, b"OK", UNREADABLE),
        (
            402,
            b'{"status":"error","error":"INSUFFICIENT_FUNDS","message":"no"}',
            Reading(Seen.DECLINED, None),
        ),
        (
            409,
            b'{"status":"error","error":"TRANSACTION_CONFLICT"}',
            Reading(Seen.CONFLICT, None),
        ),
        (404, b'{"status":"error","error":"ROUND_NOT_FOUND"}', Reading(Seen.REFUSED, None)),
    ],
)
def test_scratch_card_answers(status: int, body: bytes, reading: Reading) -> None:
    reply = Reply(status, body)
    assert read(reply, side=Side.XIGS, kind=Kind.BET, currency="USD") == reading


@pytest.mark.parametrize(
    ("reply", "again"),
    [
        (Reply(500, b'{"error":"Internal error"}'), True),
        (Reply(503, b""), True),
        (Reply(429, b""), True),
        (Reply(200, b'{"error":"INTERNAL_ERROR"}'), True),
        (Reply(200, b'{"error":null,"transaction_id":"x"}'), False),
        (Reply(200, b'{"error":"INSUFFICIENT_FUNDS"}'), False),
        (Reply(404, b'{"error":"Bet not found"}'), False),
        (Reply(401, b"not json"), False),
    ],
)
def test_only_failures_of_the_receiver_are_sent_again(reply: Reply, again: bool) -> None:
    assert is_retryable(reply) is again
