"""Answers are read as the provider's document says."""

import pytest

from simulator.protocol.messages import CallKind, ReplyKind
from simulator.protocol.responses import Reading, Reply, is_retryable, read
from simulator.protocol.system import System
from tests.harness.providers.systems import (
    AGENT_PLATFORM,
    AGGREGATOR,
    SPORTSBOOK,
    XIGS,
    configuration,
)

UNREADABLE = Reading(None, None)


def as_read(reply: Reply, system: System, kind: CallKind) -> Reading:
    """The reply, read by a system under its default options."""
    return read(reply, system=system, kind=kind, configuration=configuration(system))


@pytest.mark.parametrize(
    ("status", "body", "kind", "reading"),
    [
        (200, b'{"balance":291.59,"tmp":0}', CallKind.BET, Reading(ReplyKind.SUCCESS, 29159)),
        (
            200,
            b'{"balance":5,"turn_over":1}',
            CallKind.BALANCE,
            Reading(ReplyKind.BALANCE, 500),
        ),
        (200, b'{"balance":-0.05}', CallKind.WIN, Reading(ReplyKind.SUCCESS, -5)),
        (
            400,
            b'{"error":"Insufficient balance"}',
            CallKind.BET,
            Reading(ReplyKind.DECLINED, None),
        ),
        (
            200,
            b'{"error":"Insufficient balance"}',
            CallKind.BET,
            Reading(ReplyKind.DECLINED, None),
        ),
        (403, b'{"error":"User blocked"}', CallKind.BET, Reading(ReplyKind.DECLINED, None)),
        (404, b'{"error":"Bet not found"}', CallKind.WIN, Reading(ReplyKind.REFUSED, None)),
        (
            409,
            b'{"error":"Duplicate transaction mismatch"}',
            CallKind.BET,
            Reading(ReplyKind.CONFLICT, None),
        ),
        (200, b'{"tmp":0}', CallKind.BET, UNREADABLE),
        (200, b'{"balance":"5"}', CallKind.BET, UNREADABLE),
        (200, b'{"balance":5.001}', CallKind.BET, UNREADABLE),
        (200, b'{"error":{"code":1}}', CallKind.BET, UNREADABLE),
        (200, b"OK", CallKind.BET, UNREADABLE),
        (200, b"[1]", CallKind.BET, UNREADABLE),
        (200, b"\xff", CallKind.BET, UNREADABLE),
    ],
)
def test_aggregator_answers(status: int, body: bytes, kind: CallKind, reading: Reading) -> None:
    reply = Reply(status, body)
    assert as_read(reply, AGGREGATOR, kind) == reading


@pytest.mark.parametrize(
    ("body", "reading"),
    [
        (b'{"error":null,"transaction_id":"txn-1-1"}', Reading(ReplyKind.SUCCESS, None)),
        (b'{"error":null}', UNREADABLE),
        (b'{"error":"INSUFFICIENT_FUNDS"}', Reading(ReplyKind.DECLINED, None)),
        (b'{"error":"INSUFFICENT_FUNDS"}', Reading(ReplyKind.DECLINED, None)),
        (b'{"error":"TRANSACTION_CONFLICT"}', Reading(ReplyKind.CONFLICT, None)),
        (b'{"error":"TRANSACTION_ROLLED_BACK"}', Reading(ReplyKind.REFUSED, None)),
        (b'{"error":"USER_NOT_FOUND"}', Reading(ReplyKind.REFUSED, None)),
    ],
)
def test_sportsbook_answers(body: bytes, reading: Reading) -> None:
    reply = Reply(200, body)
    assert (
        read(
            reply, system=SPORTSBOOK, kind=CallKind.BET, configuration=configuration(SPORTSBOOK)
        )
        == reading
    )


@pytest.mark.parametrize(
    ("status", "body", "kind", "reading"),
    [
        (
            200,
            b'{"content":{"balance":1000.50}}',
            CallKind.BALANCE,
            Reading(ReplyKind.BALANCE, 100050),
        ),
        (
            200,
            b'{"content":{"balance":-3}}',
            CallKind.ROLLBACK,
            Reading(ReplyKind.SUCCESS, -300),
        ),
        (
            400,
            b'{"error":"insufficient_funds","message":"no"}',
            CallKind.BET_AND_WIN,
            Reading(ReplyKind.DECLINED, None),
        ),
        (
            403,
            b'{"error":"player_blocked"}',
            CallKind.BET_AND_WIN,
            Reading(ReplyKind.DECLINED, None),
        ),
        (
            409,
            b'{"error":"duplicate_transaction"}',
            CallKind.ROLLBACK,
            Reading(ReplyKind.CONFLICT, None),
        ),
        (
            409,
            b'{"error":"transaction_rolled_back"}',
            CallKind.BET_AND_WIN,
            Reading(ReplyKind.REFUSED, None),
        ),
        (
            404,
            b'{"error":"player_not_found"}',
            CallKind.BALANCE,
            Reading(ReplyKind.REFUSED, None),
        ),
        (201, b'{"content":{"balance":1}}', CallKind.BALANCE, Reading(ReplyKind.REFUSED, None)),
        (200, b'{"content":{}}', CallKind.BALANCE, UNREADABLE),
        (200, b'{"content":[1]}', CallKind.BALANCE, UNREADABLE),
        (200, b'{"balance":1}', CallKind.BALANCE, UNREADABLE),
    ],
)
def test_agent_platform_answers(
    status: int, body: bytes, kind: CallKind, reading: Reading
) -> None:
    reply = Reply(status, body)
    assert (
        read(
            reply, system=AGENT_PLATFORM, kind=kind, configuration=configuration(AGENT_PLATFORM)
        )
        == reading
    )


@pytest.mark.parametrize(
    ("status", "body", "reading"),
    [
        (
            200,
            b'{"status":"success","data":{"balance":291.5}}',
            Reading(ReplyKind.SUCCESS, 29150),
        ),
        (200, b'{"status":"success","data":{}}', UNREADABLE),
        (200, b'{"status":"error","data":{"balance":1}}', UNREADABLE),
        (200, b'{"data":{"balance":1}}', UNREADABLE),
        (200, b"OK", UNREADABLE),
        (
            402,
            b'{"status":"error","error":"INSUFFICIENT_FUNDS","message":"no"}',
            Reading(ReplyKind.DECLINED, None),
        ),
        (
            409,
            b'{"status":"error","error":"TRANSACTION_CONFLICT"}',
            Reading(ReplyKind.CONFLICT, None),
        ),
        (
            404,
            b'{"status":"error","error":"ROUND_NOT_FOUND"}',
            Reading(ReplyKind.REFUSED, None),
        ),
    ],
)
def test_scratch_card_answers(status: int, body: bytes, reading: Reading) -> None:
    reply = Reply(status, body)
    assert as_read(reply, XIGS, CallKind.BET) == reading


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
    assert is_retryable(reply, SPORTSBOOK.replies) is again
