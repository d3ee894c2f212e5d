"""What the agent platform hears: one form of success, one form of refusal."""

import json

import pytest

from providers.registry import DIALECTS
from tests.harness.providers.speaker import configured
from vocabulary.money import Money
from vocabulary.outcomes import Outcome, Verdict, refusal

AGENT_PLATFORM = DIALECTS["agent_platform"]
ASKED = configured(AGENT_PLATFORM)


def stands(verdict: Verdict, balance: Money | None) -> Outcome:
    return Outcome(
        verdict=verdict,
        route="",
        fact=None,
        transaction_id="txn-1-7",
        balance=balance,
        turnover=None,
    )


@pytest.mark.parametrize("verdict", [Verdict.BALANCE, Verdict.ACCEPTED, Verdict.REPEATED])
@pytest.mark.parametrize(
    ("balance", "shown"),
    [
        (Money(100050, "USD"), b"1000.50"),
        (Money(0, "USD"), b"0.00"),
        (Money(-5, "USD"), b"-0.05"),
        (Money(1000, "JPY"), b"1000"),
        (Money(10**17, "USD"), b"1000000000000000.00"),
        (Money(1, "ETH"), b"0.000000001"),
    ],
)
def test_a_balance_is_a_number_with_all_digits_of_its_currency(
    verdict: Verdict, balance: Money, shown: bytes
) -> None:
    reply = AGENT_PLATFORM.respond(stands(verdict, balance), ASKED)

    assert (reply.status, reply.body) == (200, b'{"content":{"balance":' + shown + b"}}")


@pytest.mark.parametrize("verdict", [Verdict.BALANCE, Verdict.ACCEPTED, Verdict.REPEATED])
def test_success_without_a_balance_is_an_internal_error(verdict: Verdict) -> None:
    assert AGENT_PLATFORM.respond(stands(verdict, None), ASKED).status == 500


@pytest.mark.parametrize(
    ("verdict", "status", "code"),
    [
        (Verdict.DECLINED_FUNDS, 400, "insufficient_funds"),
        (Verdict.DECLINED_BLOCKED, 403, "player_blocked"),
        (Verdict.CONFLICT, 409, "duplicate_transaction"),
        (Verdict.ROLLED_BACK, 409, "transaction_rolled_back"),
        (Verdict.BET_UNKNOWN, 404, "transaction_not_found"),
        (Verdict.IRREVERSIBLE, 409, "transaction_not_reversible"),
        (Verdict.PLAYER_UNKNOWN, 404, "player_not_found"),
        (Verdict.CURRENCY_WRONG, 422, "invalid_currency"),
        (Verdict.MALFORMED, 422, "validation_error"),
        (Verdict.NOT_AUTHENTIC, 403, "invalid_signature"),
        (Verdict.SIGNATURE_MISSING, 401, "signature_required"),
        (Verdict.ADDRESS_REFUSED, 403, "address_not_allowed"),
        (Verdict.TOO_LARGE, 413, "request_too_large"),
        (Verdict.TOO_SLOW, 408, "request_timeout"),
        (Verdict.ROUTE_UNKNOWN, 404, "not_found"),
        (Verdict.METHOD_WRONG, 405, "method_not_allowed"),
        (Verdict.UNAVAILABLE, 500, "internal_error"),
    ],
)
def test_every_refusal_has_its_status_and_code(
    verdict: Verdict, status: int, code: str
) -> None:
    reply = AGENT_PLATFORM.respond(refusal(verdict, ""), ASKED)
    document = json.loads(reply.body)

    assert (reply.status, document["error"]) == (status, code)
    assert document["message"]


def test_the_status_of_the_funds_error_is_a_setting_and_of_no_other() -> None:
    provider = configured(AGENT_PLATFORM, options={"insufficient_funds_status": 402})

    changed = {
        verdict
        for verdict in Verdict
        if AGENT_PLATFORM.respond(refusal(verdict, ""), provider)
        != AGENT_PLATFORM.respond(refusal(verdict, ""), ASKED)
    }

    assert changed == {Verdict.DECLINED_FUNDS}


def test_the_policy_follows_the_rounds_and_refuses_to_undo_a_rollback() -> None:
    default = AGENT_PLATFORM.policy(ASKED.options)
    named = AGENT_PLATFORM.policy({**ASKED.options, "rounds": "round_id"})

    assert (default.round_per_operation, named.round_per_operation) == (True, False)
    assert not default.rollback_of_rollback_accepts
