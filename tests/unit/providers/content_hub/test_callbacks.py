"""The content hub's callbacks, amounts and replies, beyond what every dialect must keep."""

import json
from dataclasses import replace

import pytest

from providers.content_hub import DIALECT
from providers.contract import OptionValue, Provider
from tests.harness.dialects.content_hub import BET, ROLLBACK, SPEAKER, WIN
from tests.harness.providers.speaker import configured, secret_of
from vocabulary.errors import Malformed, NotAuthentic
from vocabulary.facts import Bet, Fact, Fund, Rollback, Win
from vocabulary.money import Money
from vocabulary.outcomes import Outcome, Verdict

BET_ROUTE, WIN_ROUTE = "/transaction/bet", "/transaction/win"


def asked(*, currency: str = "USD", **options: OptionValue) -> Provider:
    return configured(DIALECT, currency=currency, options=options)


def read(route: str, body: str, provider: Provider | None = None) -> Fact:
    provider = provider or asked()
    return DIALECT.parse(
        DIALECT.verify(SPEAKER.callback(route, body.encode()), provider), provider
    )


def test_a_round_has_a_bet_and_wins_that_name_it() -> None:
    bet, win = read(BET_ROUTE, BET), read(WIN_ROUTE, WIN)

    assert isinstance(bet, Bet)
    assert isinstance(win, Win)
    assert (bet.key, bet.round_id, bet.ends_round) == ("T-1", "R-1001", False)
    assert (win.key, win.round_id, win.bet_key) == ("T-2", "R-1001", "T-1")
    assert win.ends_round


def test_a_rollback_is_of_the_configured_currency_and_states_no_amount() -> None:
    rollback = read("/transaction/rollback", ROLLBACK, asked(currency="EUR"))

    assert isinstance(rollback, Rollback)
    assert (rollback.original_key, rollback.currency, rollback.amount) == ("T-1", "EUR", None)


def test_a_currency_that_could_not_be_rolled_back_is_refused() -> None:
    with pytest.raises(Malformed, match="currency: the configured currency is expected"):
        read(BET_ROUTE, BET, asked(currency="EUR"))


@pytest.mark.parametrize(
    ("currency", "digits", "token", "minor"),
    [
        ("USD", 5, "1000000", 1000),
        ("USD", 5, "1000", 1),
        ("USD", 5, "0", 0),
        ("USD", 2, "1", 1),
        ("JPY", 5, "100000", 1),
        ("JPY", 2, "100", 1),
        ("BHD", 5, "100", 1),
        ("BTC", 5, "1", 1000),
        ("BTC", 8, "1", 1),
    ],
)
def test_an_amount_is_exact_in_the_smallest_unit(
    currency: str, digits: int, token: str, minor: int
) -> None:
    body = BET.replace("1000000", token).replace("USD", currency)

    bet = read(BET_ROUTE, body, asked(currency=currency, amount_digits=digits))

    assert isinstance(bet, Bet)
    assert bet.amount == Money(minor, currency)


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("1001", "at most 2 digits"),
        ("999", "at most 2 digits"),
        ("1", "at most 2 digits"),
        ("-1000", "whole number"),
        ("-0", "whole number"),
        ("1000.0", "whole number"),
        ("1e3", "whole number"),
        ('"1000"', "whole number"),
        ("1" + "0" * 25, "out of range"),
        ("1" + "0" * 26, "whole number"),
    ],
)
def test_an_amount_that_is_finer_or_another_number_is_refused(token: str, why: str) -> None:
    with pytest.raises(Malformed, match=f"amount: .*{why}"):
        read(BET_ROUTE, BET.replace("1000000", token))


def test_optional_fields_may_be_null_and_a_free_bet_is_of_a_free_round() -> None:
    strict = asked(unknown_fields="refuse")
    more = ',"is_free":true,"is_aggregated":null,"reward_uuid":null,"meta":{"a":[1]}}'

    bet = read(BET_ROUTE, BET[:-1] + more, strict)

    assert isinstance(bet, Bet)
    assert bet.fund is Fund.FREE_ROUND
    paid = read(BET_ROUTE, BET[:-1] + ',"is_free":null}', strict)
    assert isinstance(paid, Bet)
    assert paid.fund is Fund.CASH


def test_a_win_of_itself_is_refused() -> None:
    body = WIN.replace(
        '"reference_transaction_uuid":"T-1"', '"reference_transaction_uuid":"T-2"'
    )
    with pytest.raises(Malformed, match="another transaction"):
        read(WIN_ROUTE, body)


def outcome(verdict: Verdict, balance: Money | None, *, route: str = BET_ROUTE) -> Outcome:
    return Outcome(
        verdict=verdict,
        route=route,
        fact=None,
        transaction_id=None,
        balance=balance,
        turnover=None,
        body=BET.encode(),
    )


def replied(outcome: Outcome, provider: Provider | None = None) -> dict[str, object]:
    document = json.loads(DIALECT.respond(outcome, provider or asked()).body)
    assert isinstance(document, dict)
    return document


def test_every_reply_to_an_authentic_request_repeats_its_user_and_id() -> None:
    for verdict in Verdict:
        document = replied(outcome(verdict, Money(1, "USD")))
        assert document["user"] == "u-42"
        assert document["request_uuid"] == "583c985f-fee6-4c0e-bbf5-308aad6265af"
    unread = replace_body(outcome(Verdict.MALFORMED, None), b"{")
    assert replied(unread) == {"status": "RS_ERROR_WRONG_SYNTAX"}


def replace_body(outcome: Outcome, body: bytes) -> Outcome:
    return Outcome(
        verdict=outcome.verdict,
        route=outcome.route,
        fact=outcome.fact,
        transaction_id=outcome.transaction_id,
        balance=outcome.balance,
        turnover=outcome.turnover,
        body=body,
    )


@pytest.mark.parametrize(
    ("money", "digits", "shown"),
    [
        (Money(29159, "USD"), 5, 29159000),
        (Money(-5, "USD"), 5, -5000),
        (Money(29159, "USD"), 2, 29159),
        (Money(1999, "BTC"), 5, 1),
        (Money(-1, "BTC"), 5, -1),
        (Money(1999, "BTC"), 8, 1999),
    ],
)
def test_a_balance_is_scaled_and_never_rounded_up(
    money: Money, digits: int, shown: int
) -> None:
    document = replied(outcome(Verdict.ACCEPTED, money), asked(amount_digits=digits))

    assert document["balance"] == shown


def test_only_a_decline_for_funds_names_the_balance_of_those_that_refuse() -> None:
    stands = {Verdict.BALANCE, Verdict.ACCEPTED, Verdict.REPEATED}
    naming = {v for v in Verdict if "balance" in replied(outcome(v, Money(1, "USD")))}

    assert naming == {*stands, Verdict.DECLINED_FUNDS}
    details = replied(outcome(Verdict.BALANCE, Money(1, "USD"), route="/user/info"))
    assert details["country"] == "XX"
    assert "balance" not in details


def test_a_public_key_verifies_what_its_private_half_signed() -> None:
    callback = SPEAKER.callback(BET_ROUTE)
    other = replace(asked(), secrets=(secret_of("content_hub", b"another"),))

    assert DIALECT.verify(callback, asked()).signature
    with pytest.raises(NotAuthentic, match="does not hold"):
        DIALECT.verify(callback, other)


def test_a_secret_that_is_no_key_is_said_to_be_none() -> None:
    assert DIALECT.secret_problem(b"a shared secret").startswith("an RSA public key in PEM")
    assert DIALECT.secret_problem(secret_of("content_hub", b"x")) == ""
