"""What they must hear: the aggregator's replies, and ours where it documents none."""

import json
from collections.abc import Mapping

import pytest

from providers.contract import OptionValue
from tests.harness.dialects.aggregator import AGGREGATOR
from tests.harness.providers.speaker import configured
from vocabulary.money import Money
from vocabulary.outcomes import Outcome, Verdict, refusal


def outcome(verdict: Verdict, *, balance: Money | None = None, route: str = "/bet") -> Outcome:
    return Outcome(
        verdict=verdict,
        route=route,
        fact=None,
        transaction_id="txn-1-7",
        balance=balance,
        turnover=Money(158038, "USD"),
    )


def reply(
    outcome: Outcome, options: Mapping[str, OptionValue] | None = None
) -> tuple[int, bytes]:
    reply = AGGREGATOR.respond(outcome, configured(AGGREGATOR, options=options))
    return reply.status, reply.body


def test_the_documented_replies_are_given_to_the_letter() -> None:
    balance = outcome(Verdict.BALANCE, balance=Money(29659, "USD"), route="/balance")
    bet = outcome(Verdict.ACCEPTED, balance=Money(29159, "USD"))
    settle = outcome(Verdict.ACCEPTED, balance=Money(31159, "USD"), route="/settle-bet")

    assert reply(balance) == (
        200,
        b'{"balance":296.59,"tmp":0,"fish_remaining":0,"turn_over":1580.38,"game_type":"slot"}',
    )
    assert reply(bet) == (200, b'{"balance":291.59,"tmp":0,"fish_remaining":0}')
    assert reply(settle) == (200, b'{"balance":311.59,"tmp":0,"fish_remaining":0}')
    assert reply(refusal(Verdict.NOT_AUTHENTIC, "/bet")) == (
        401,
        b'{"error":"invalid signature"}',
    )


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (0, "USD", b"0"),
        (500, "USD", b"5"),
        (50, "USD", b"0.5"),
        (29159, "USD", b"291.59"),
        (100_000, "USD", b"1000"),
        (-50, "USD", b"-0.5"),
        (500, "JPY", b"500"),
        (1, "ETH", b"0.000000001"),
        (10**17, "USD", b"1000000000000000"),
    ],
)
def test_a_balance_is_a_json_number_without_trailing_zeros(
    minor: int, currency: str, shown: bytes
) -> None:
    _status, body = reply(outcome(Verdict.ACCEPTED, balance=Money(minor, currency)))

    assert body == b'{"balance":' + shown + b',"tmp":0,"fish_remaining":0}'


def test_an_unknown_balance_is_never_made_up() -> None:
    for verdict in (Verdict.ACCEPTED, Verdict.REPEATED, Verdict.BALANCE):
        assert reply(outcome(verdict)) == (500, b'{"error":"Internal error"}')


@pytest.mark.parametrize(
    ("verdict", "status", "text"),
    [
        (Verdict.DECLINED_FUNDS, 400, "Insufficient balance"),
        (Verdict.DECLINED_BLOCKED, 403, "User blocked"),
        (Verdict.CONFLICT, 409, "Duplicate transaction mismatch"),
        (Verdict.BET_UNKNOWN, 404, "Bet not found"),
        (Verdict.PLAYER_UNKNOWN, 404, "User not found"),
        (Verdict.MALFORMED, 400, "Invalid request"),
        (Verdict.ADDRESS_REFUSED, 403, "IP not allowed"),
        (Verdict.TOO_LARGE, 413, "Request too large"),
        (Verdict.TOO_SLOW, 408, "Request timeout"),
        (Verdict.ROUTE_UNKNOWN, 404, "Not Found"),
        (Verdict.METHOD_WRONG, 405, "Method not allowed"),
        (Verdict.UNAVAILABLE, 500, "Internal error"),
    ],
)
def test_a_refusal_says_why_in_the_style_of_their_error_table(
    verdict: Verdict, status: int, text: str
) -> None:
    assert reply(refusal(verdict, "/bet")) == (status, f'{{"error":"{text}"}}'.encode())


def test_a_recorded_history_is_acknowledged() -> None:
    assert reply(refusal(Verdict.RECORDED, "/history")) == (200, b'{"status":true}')


def test_settings_move_the_assumed_statuses_and_texts() -> None:
    funds = refusal(Verdict.DECLINED_FUNDS, "/bet")
    balance = outcome(Verdict.BALANCE, balance=Money(5, "USD"))

    assert reply(funds, {"insufficient_funds_status": 200})[0] == 200
    _status, body = reply(balance, {"turn_over": "zero", "game_type": 'fish"'})
    assert json.loads(body) == {
        "balance": 0.05,
        "tmp": 0,
        "fish_remaining": 0,
        "turn_over": 0,
        "game_type": 'fish"',
    }


def test_the_policy_refuses_a_win_without_its_bet_unless_set_otherwise() -> None:
    options = dict(configured(AGGREGATOR).options)

    assert not AGGREGATOR.policy(options).orphan_win_credits
    assert AGGREGATOR.policy(options | {"orphan_win": "credit"}).orphan_win_credits
    assert not AGGREGATOR.policy(options).rollback_of_rollback_accepts
    assert not AGGREGATOR.policy(options).round_per_operation
