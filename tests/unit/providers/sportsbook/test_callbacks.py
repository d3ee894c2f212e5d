"""The sportsbook's document, sentence by sentence."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from providers.contract import Callback, OptionValue, Provider
from providers.registry import DIALECTS
from tests.harness.dialects.sportsbook import sign_sportsbook
from tests.harness.providers.speaker import SECRET, configured
from tests.harness.providers.speakers import SPEAKERS
from vocabulary.errors import Malformed, NotAuthentic
from vocabulary.facts import Bet, Fact, Rollback, Win
from vocabulary.money import Money
from vocabulary.outcomes import Outcome, Verdict, refusal

SPORTSBOOK = DIALECTS["sportsbook"]
ASKED = configured(SPORTSBOOK)
BODY = SPEAKERS["sportsbook"].valid["/transaction"]
GOOD = sign_sportsbook("/transaction", BODY, SECRET).headers["x-security-hash"]
BAD = "0" * 64
TRANSACTION = json.loads(BODY)
ROLLBACK = json.loads(SPEAKERS["sportsbook"].valid["/transaction-rollback"])


def asked_with(options: Mapping[str, OptionValue]) -> Provider:
    return configured(SPORTSBOOK, options=options)


def hashed(headers: Mapping[str, str], body: bytes = BODY) -> Callback:
    return Callback(route="/transaction", headers=headers, body=body)


def fact_of(document: Mapping[str, Any], provider: Provider = ASKED) -> Fact:
    return fact_of_text(json.dumps(document), provider)


def fact_of_text(text: str, provider: Provider = ASKED) -> Fact:
    route = "/transaction-rollback" if '"rollback"' in text else "/transaction"
    callback = sign_sportsbook(route, text.encode(), SECRET)
    return SPORTSBOOK.parse(SPORTSBOOK.verify(callback, provider), provider)


def test_the_published_vector_verifies() -> None:
    provider = configured(SPORTSBOOK, secrets=(b"test_security_hash",))
    callback = hashed(
        {"x-security-hash": "14b62f8f47dcfbfeb0c5694bbbef00da5aabc05e1575b07c7e230160f102b2ff"}
    )

    assert SPORTSBOOK.verify(callback, provider).callback is callback


@pytest.mark.parametrize("name", ["x-security-hash", "x-securty-hash"])
def test_either_spelling_of_the_header_verifies(name: str) -> None:
    callback = hashed({name: GOOD})

    assert SPORTSBOOK.verify(callback, ASKED).callback is callback


def test_where_both_spellings_are_sent_both_must_hold() -> None:
    both = hashed({"x-security-hash": GOOD, "x-securty-hash": GOOD})

    assert SPORTSBOOK.verify(both, ASKED).callback is both
    for headers in (
        {"x-security-hash": GOOD, "x-securty-hash": BAD},
        {"x-security-hash": BAD, "x-securty-hash": GOOD},
        {"x-security-hash": GOOD, "x-securty-hash": ""},
    ):
        with pytest.raises(NotAuthentic, match="the hash does not hold"):
            SPORTSBOOK.verify(hashed(headers), ASKED)


@pytest.mark.parametrize("headers", [{}, {"x-signature": GOOD}, {"security-hash": GOOD}])
def test_a_missing_header_is_a_refusal(headers: dict[str, str]) -> None:
    with pytest.raises(NotAuthentic, match="X-Security-Hash is missing"):
        SPORTSBOOK.verify(hashed(headers), ASKED)


def test_the_hash_is_over_the_raw_bytes_and_not_over_what_they_mean() -> None:
    respelt = BODY.replace(b",", b", ")

    assert json.loads(respelt) == json.loads(BODY)
    with pytest.raises(NotAuthentic, match="the hash does not hold"):
        SPORTSBOOK.verify(hashed({"x-security-hash": GOOD}, respelt), ASKED)


def test_the_digest_is_a_setting() -> None:
    plain = hashed({"x-security-hash": hashlib.sha256(BODY + SECRET).hexdigest()})

    tried = asked_with({"digest": "sha256_body_secret"})
    assert SPORTSBOOK.verify(plain, tried).callback is plain
    with pytest.raises(NotAuthentic, match="the hash does not hold"):
        SPORTSBOOK.verify(plain, ASKED)


def test_a_bet_a_result_and_a_rollback_are_read_as_the_facts_they_state() -> None:
    amount = Money(1000, "USD")

    assert fact_of(TRANSACTION) == Bet(
        key="OP-1", handle="42", amount=amount, round_id="OP-1", occurred_at=None
    )
    assert fact_of(TRANSACTION | {"action": "result"}) == Win(
        key="OP-1",
        handle="42",
        amount=amount,
        round_id="OP-1",
        bet_key=None,
        stake=None,
        occurred_at=None,
    )
    assert fact_of(ROLLBACK) == Rollback(
        key="OP-2",
        handle="42",
        original_key="OP-1",
        currency="USD",
        amount=amount,
        round_id="OP-1",
        occurred_at=None,
    )


@pytest.mark.parametrize(
    ("token", "minor"),
    [
        ('"10.00"', 1000),
        ("10.00", 1000),
        ("10", 1000),
        ('"10"', 1000),
        ('"0"', 0),
        ("0.5", 50),
        ('"0.10"', 10),
        ('"10.0000"', 1000),
    ],
)
def test_an_amount_may_be_quoted_or_not(token: str, minor: int) -> None:
    fact = fact_of_text(BODY.decode().replace('"10.00"', token))

    assert isinstance(fact, Bet)
    assert fact.amount == Money(minor, "USD")


@pytest.mark.parametrize(
    "token",
    [
        "true",
        "null",
        "[]",
        "{}",
        "-10",
        '"-10"',
        '"-0"',
        "-0",
        "1e2",
        '"1e2"',
        '"NaN"',
        '"Infinity"',
        '""',
        '" 10"',
        '"10 "',
        '"+10"',
        '"1,000"',
        '"1_000"',
        '".5"',
        '"5."',
        '"0x10"',
        '"\u0661"',
        '"10.005"',
        "10.005",
        '"1' + "0" * 50 + '"',
        "1" + "0" * 50,
    ],
)
def test_an_amount_that_is_not_a_plain_unsigned_decimal_is_refused(token: str) -> None:
    with pytest.raises(Malformed, match="amount: "):
        fact_of_text(BODY.decode().replace('"10.00"', token))


@pytest.mark.parametrize("currency", ["", "usd", "US", "USD ", "U$D", 5, None, "ABCDEFGHI"])
def test_a_currency_must_look_like_one(currency: object) -> None:
    with pytest.raises(Malformed, match="currency: "):
        fact_of(TRANSACTION | {"currency": currency})


def test_an_amount_follows_the_exponent_of_the_currency_sent() -> None:
    yen = fact_of(TRANSACTION | {"currency": "JPY", "amount": "10"})

    assert isinstance(yen, Bet)
    assert yen.amount == Money(10, "JPY")
    with pytest.raises(Malformed, match="amount: at most 0 digits"):
        fact_of(TRANSACTION | {"currency": "JPY", "amount": "10.5"})


@pytest.mark.parametrize("action", ["", "BET", "win", "Result", None, 1, ["bet"]])
def test_an_action_outside_the_document_is_refused(action: object) -> None:
    with pytest.raises(Malformed, match="action: one of bet, result"):
        fact_of(TRANSACTION | {"action": action})


@pytest.mark.parametrize("name", ["transaction_id", "user_id"])
@pytest.mark.parametrize("value", ["", "x" * 129, "a\x00b", "a\nb", 42, None, True, ["42"]])
def test_an_id_is_printable_text_of_bounded_length(name: str, value: object) -> None:
    with pytest.raises(Malformed, match=f"{name}: "):
        fact_of(TRANSACTION | {name: value})


def test_a_rollback_of_itself_is_refused() -> None:
    with pytest.raises(Malformed, match="another transaction is expected"):
        fact_of(ROLLBACK | {"rollback_transaction_id": "OP-2"})


@pytest.mark.parametrize("missing", sorted(TRANSACTION))
def test_a_missing_field_is_never_filled_in(missing: str) -> None:
    rest = {name: value for name, value in TRANSACTION.items() if name != missing}

    with pytest.raises(Malformed, match="body: at least the fields"):
        fact_of(rest)


def test_an_extra_field_is_accepted_unless_set_otherwise() -> None:
    extra = TRANSACTION | {"balance": "1"}

    assert fact_of(extra) == fact_of(TRANSACTION)
    for strict in ({"unknown_fields": "refuse"}, {"allow_extra_fields": False}):
        with pytest.raises(Malformed, match="body: "):
            fact_of(extra, asked_with(strict))


def test_the_other_routes_field_is_never_an_extra() -> None:
    text = json.dumps(TRANSACTION | {"rollback_transaction_id": "OP-0"})

    with pytest.raises(Malformed, match="body: the fields of one route"):
        fact_of_text(text, asked_with({}))


@pytest.mark.parametrize(
    ("token", "refused", "rounded"),
    [
        ("0.30000000000000004", None, 30),
        ("1.1500000000000001", None, 115),
        ("4.35", 435, 435),
        ("0.10000000000000001", 10, 10),
        ("1.1499999999999999", 115, 115),
        ("10.00000000", 1000, 1000),
        ("10.005", None, None),
        ("10.004", None, None),
        ("0.29998", None, None),
        ('"0.30000000000000004"', None, None),
        ('"0.10000000000000001"', None, None),
    ],
)
def test_float_noise_is_refused_or_rounded_and_only_where_it_is_noise(
    token: str, refused: int | None, rounded: int | None
) -> None:
    text = json.dumps(TRANSACTION | {"amount": 0}).replace(": 0}", f": {token}}}")
    for option, expected in (("refuse", refused), ("round", rounded)):
        provider = asked_with({"float_noise": option})
        if expected is None:
            with pytest.raises(Malformed, match=r"amount: .*digits after the point"):
                fact_of_text(text, provider)
            continue
        fact = fact_of_text(text, provider)
        assert isinstance(fact, Bet)
        assert fact.amount.minor == expected


def reply(
    outcome: Outcome, options: Mapping[str, OptionValue] | None = None
) -> tuple[int, bytes]:
    reply = SPORTSBOOK.respond(outcome, asked_with(options or {}))
    return reply.status, reply.body


def stands(verdict: Verdict, transaction_id: str | None) -> Outcome:
    return Outcome(
        verdict=verdict,
        route="/transaction",
        fact=None,
        transaction_id=transaction_id,
        balance=Money(5, "USD"),
        turnover=None,
    )


@pytest.mark.parametrize("verdict", [Verdict.ACCEPTED, Verdict.REPEATED])
def test_success_names_our_transaction_and_no_balance(verdict: Verdict) -> None:
    assert reply(stands(verdict, "txn-1-7")) == (
        200,
        b'{"error":null,"transaction_id":"txn-1-7"}',
    )


def test_success_without_a_transaction_of_ours_is_an_internal_error() -> None:
    assert reply(stands(Verdict.ACCEPTED, None)) == (200, b'{"error":"INTERNAL_ERROR"}')


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.DECLINED_FUNDS, "INSUFFICIENT_FUNDS"),
        (Verdict.DECLINED_BLOCKED, "USER_BLOCKED"),
        (Verdict.PLAYER_UNKNOWN, "USER_NOT_FOUND"),
        (Verdict.CURRENCY_WRONG, "INVALID_CURRENCY"),
        (Verdict.MALFORMED, "INVALID_REQUEST"),
        (Verdict.NOT_AUTHENTIC, "INVALID_SECURITY_HASH"),
        (Verdict.SIGNATURE_MISSING, "INVALID_SECURITY_HASH"),
        (Verdict.ROLLED_BACK, "TRANSACTION_ROLLED_BACK"),
        (Verdict.CONFLICT, "TRANSACTION_CONFLICT"),
        (Verdict.TOO_LARGE, "INVALID_REQUEST"),
        (Verdict.TOO_SLOW, "INTERNAL_ERROR"),
        (Verdict.ROUTE_UNKNOWN, "INVALID_REQUEST"),
        (Verdict.METHOD_WRONG, "INVALID_REQUEST"),
        (Verdict.UNAVAILABLE, "INTERNAL_ERROR"),
    ],
)
def test_every_error_is_http_200_with_its_code(verdict: Verdict, code: str) -> None:
    assert reply(refusal(verdict, "/transaction")) == (200, f'{{"error":"{code}"}}'.encode())


def test_settings_move_the_status_of_a_bad_hash_and_the_spelling_of_the_funds_error() -> None:
    bad_hash = refusal(Verdict.NOT_AUTHENTIC, "/transaction")
    funds = refusal(Verdict.DECLINED_FUNDS, "/transaction")

    assert reply(bad_hash, {"bad_hash_status": 401})[0] == 401
    assert reply(funds, {"bad_hash_status": 401})[0] == 200
    older = {"insufficient_funds_code": "INSUFFICENT_FUNDS"}
    assert reply(funds, older) == (200, b'{"error":"INSUFFICENT_FUNDS"}')


def test_the_policy_credits_results_and_accepts_every_rollback() -> None:
    policy = SPORTSBOOK.policy(ASKED.options)

    assert policy.orphan_win_credits
    assert policy.rollback_of_rollback_accepts
    assert policy.round_per_operation
