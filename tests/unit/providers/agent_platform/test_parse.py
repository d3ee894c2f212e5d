"""What the agent platform's callbacks say, field by field."""

from collections.abc import Mapping
from typing import Any

import pytest

from providers.contract import OptionValue
from providers.registry import DIALECTS
from tests.harness.dialects.agent_platform import (
    API_TOKEN,
    GET_BALANCE,
    MAKE_BET,
    NEWER,
    ROLLBACK,
    as_sent,
    callback,
    hex_of,
)
from tests.harness.providers.speaker import configured
from vocabulary.errors import Malformed
from vocabulary.facts import BalanceQuery, BetAndWin, Fact, Rollback
from vocabulary.money import Money

AGENT_PLATFORM = DIALECTS["agent_platform"]
NAMED: Mapping[str, OptionValue] = {"rounds": "round_id"}


def fact_of(document: Mapping[str, Any], options: Mapping[str, OptionValue] = {}) -> Fact:
    return fact_of_text(as_sent(document), options)


def fact_of_text(text: str, options: Mapping[str, OptionValue] = {}) -> Fact:
    provider = configured(AGENT_PLATFORM, secrets=(API_TOKEN,), options=options)
    received = callback(text, hex_of(text, API_TOKEN))
    return AGENT_PLATFORM.parse(AGENT_PLATFORM.verify(received, provider), provider)


def without(document: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}


@pytest.mark.parametrize("document", [GET_BALANCE, NEWER])
def test_a_balance_query_of_either_generation_is_read(document: Mapping[str, Any]) -> None:
    assert fact_of(document) == BalanceQuery(handle="player_123", currency="RUB")


def test_a_bet_with_its_win_is_one_fact_and_by_default_its_own_round() -> None:
    expected = BetAndWin(
        key="T-1",
        handle="player_123",
        bet=Money(1050, "RUB"),
        win=Money(2500, "RUB"),
        round_id="T-1",
        occurred_at=None,
        ends_round=True,
    )

    assert fact_of(MAKE_BET) == expected
    assert fact_of(without(MAKE_BET, "round_id")) == expected
    assert fact_of({**MAKE_BET, "request_id": "x", "session_id": "another"}) == expected


@pytest.mark.parametrize(
    ("more", "options", "round_id", "ends"),
    [
        ({}, {}, "R-1", False),
        ({}, {"round_finished_default": True}, "R-1", True),
        ({"round_finished": True}, {}, "R-1", True),
        ({"is_finished": True}, {}, "R-1", True),
        ({"is_finished": 1}, {}, "R-1", True),
        ({"round_finished": False}, {"round_finished_default": True}, "R-1", False),
        ({"round_finished": None, "is_finished": 0}, {}, "R-1", False),
        ({"over": True}, {"round_finished_fields": ("over",)}, "R-1", True),
        ({"round_id": 17}, {}, "17", False),
        ({"round_id": None}, {}, "T-1", True),
        ({"game_round": "G-1"}, {"round_id_field": "game_round"}, "G-1", False),
        ({}, {"round_id_field": "game_round"}, "T-1", True),
    ],
)
def test_where_rounds_are_named_the_fields_say_which_and_whether_it_is_over(
    more: Mapping[str, Any], options: Mapping[str, OptionValue], round_id: str, ends: bool
) -> None:
    fact = fact_of({**MAKE_BET, **more}, {**NAMED, **options})

    assert isinstance(fact, BetAndWin)
    assert (fact.round_id, fact.ends_round) == (round_id, ends)


@pytest.mark.parametrize("value", ["yes", 2, [], {}, "", 1.0])
def test_an_end_of_round_that_is_neither_yes_nor_no_is_refused(value: object) -> None:
    with pytest.raises(Malformed, match="round_finished: true or false"):
        fact_of({**MAKE_BET, "round_finished": value}, NAMED)


@pytest.mark.parametrize(
    ("token", "minor"),
    [("10", 1000), ("10.5", 1050), ("10.50", 1050), ('"10.50"', 1050), ("0", 0), ("0.0", 0)],
)
@pytest.mark.parametrize("name", ["bet", "win"])
def test_amounts_may_be_numbers_or_texts_and_nothing(name: str, token: str, minor: int) -> None:
    text = as_sent({**MAKE_BET, name: "?"}).replace('"?"', token)
    fact = fact_of_text(text)

    assert isinstance(fact, BetAndWin)
    assert getattr(fact, name) == Money(minor, "RUB")


@pytest.mark.parametrize(
    "token",
    [
        *("-1", '"-1"', "-0", "1e1", "10.005", '"10.005"', "1" + "0" * 50),
        *('""', '" 1"', '"1,5"', '"NaN"', "true", "null", "[]", "{}"),
    ],
)
@pytest.mark.parametrize("name", ["bet", "win"])
def test_an_amount_that_is_not_a_plain_unsigned_decimal_is_refused(
    name: str, token: str
) -> None:
    text = as_sent({**MAKE_BET, name: "?"}).replace('"?"', token)

    with pytest.raises(Malformed, match=f"{name}: "):
        fact_of_text(text)


def test_an_amount_follows_the_exponent_of_the_currency_sent() -> None:
    yen = fact_of({**MAKE_BET, "currency": "JPY", "bet": 10, "win": 0})

    assert isinstance(yen, BetAndWin)
    assert yen.bet == Money(10, "JPY")
    with pytest.raises(Malformed, match="bet: at most 0 digits"):
        fact_of({**MAKE_BET, "currency": "JPY", "win": 0})


@pytest.mark.parametrize("name", ["transaction_id", "bet", "win", "player_id", "currency"])
def test_a_field_that_a_bet_needs_is_never_filled_in(name: str) -> None:
    with pytest.raises(Malformed, match=r"body: at least the fields .*" + name):
        fact_of(without(MAKE_BET, name))


@pytest.mark.parametrize(
    ("sent", "key", "original"),
    [
        ({"rollback_transaction_id": "T-1"}, "T-2", "T-1"),
        ({"original_transaction_id": "T-1"}, "T-2", "T-1"),
        ({"reference_transaction_id": "T-1", "rollback_transaction_id": None}, "T-2", "T-1"),
        (
            {"reference_transaction_id": "T-1", "original_transaction_id": "T-1"},
            "T-2",
            "T-1",
        ),
        ({"original_transaction_id": 7}, "T-2", "7"),
        ({}, "rollback:T-2", "T-2"),
        ({"original_transaction_id": "T-2"}, "rollback:T-2", "T-2"),
        ({"transaction_id": None, "original_transaction_id": "T-1"}, "rollback:T-1", "T-1"),
        ({"transaction_id": 42}, "rollback:42", "42"),
    ],
)
def test_a_rollback_names_what_it_undoes_and_a_single_id_is_the_originals(
    sent: Mapping[str, Any], key: str, original: str
) -> None:
    document = {**without(ROLLBACK, "rollback_transaction_id"), **sent}

    assert fact_of(document) == Rollback(
        key=key,
        handle="player_123",
        original_key=original,
        currency="RUB",
        amount=None,
        round_id=original,
        occurred_at=None,
    )


def test_a_rollback_of_a_named_round_names_it() -> None:
    named = fact_of({**ROLLBACK, "round_id": "R-1"}, NAMED)
    unnamed = fact_of(ROLLBACK, NAMED)

    assert isinstance(named, Rollback)
    assert isinstance(unnamed, Rollback)
    assert (named.round_id, unnamed.round_id) == ("R-1", "T-1")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (without(ROLLBACK, "transaction_id", "rollback_transaction_id"), "transaction_id"),
        ({**ROLLBACK, "original_transaction_id": "T-0"}, "one original transaction"),
        ({**ROLLBACK, "rollback_transaction_id": ""}, "rollback_transaction_id: "),
        ({**ROLLBACK, "rollback_transaction_id": 1.5}, "rollback_transaction_id: "),
        ({**ROLLBACK, "rollback_transaction_id": []}, "rollback_transaction_id: "),
        ({**ROLLBACK, "transaction_id": "x" * 129}, "transaction_id: "),
    ],
)
def test_a_rollback_that_names_nothing_or_two_things_is_refused(
    document: Mapping[str, Any], reason: str
) -> None:
    with pytest.raises(Malformed, match=reason):
        fact_of(document)


def test_the_id_fields_are_settings() -> None:
    options: Mapping[str, OptionValue] = {
        "transaction_id_field": "tx",
        "original_id_fields": ("ref",),
    }
    bet = fact_of({**without(MAKE_BET, "transaction_id"), "tx": "T-1"}, options)
    undone = fact_of({**ROLLBACK, "tx": "T-8", "ref": "T-1"}, options)

    assert isinstance(bet, BetAndWin)
    assert isinstance(undone, Rollback)
    assert (bet.key, undone.key, undone.original_key) == ("T-1", "T-8", "T-1")
    with pytest.raises(Malformed, match="body: at least the fields tx"):
        fact_of(MAKE_BET, options)


@pytest.mark.parametrize("kind", ["", "makebet", "bet", "GETBALANCE", None, 1, ["makeBet"]])
def test_a_type_outside_the_document_is_refused(kind: object) -> None:
    with pytest.raises(Malformed, match="type: one of getBalance, makeBet, rollback"):
        fact_of({**MAKE_BET, "type": kind})


@pytest.mark.parametrize(
    ("more", "options", "fund"),
    [
        (
            {"bet": 0, "freespins": {"left": 3}},
            {"free_rounds_field": "freespins"},
            "free_round",
        ),
        ({"freespins": {"left": 3}}, {"free_rounds_field": "freespins"}, "cash"),
        ({"bet": 0, "freespins": None}, {"free_rounds_field": "freespins"}, "cash"),
        ({"bet": 0}, {"free_rounds_field": "freespins"}, "cash"),
        ({"bet": 0, "freespins": {"left": 3}}, {}, "cash"),
    ],
)
def test_a_win_without_a_bet_is_a_free_round_where_its_field_says_so(
    more: Mapping[str, Any], options: Mapping[str, OptionValue], fund: str
) -> None:
    fact = fact_of({**MAKE_BET, **more}, options)

    assert isinstance(fact, BetAndWin)
    assert fact.fund == fund


@pytest.mark.parametrize("name", ["player_id", "transaction_id"])
@pytest.mark.parametrize("value", ["", "a\nb", "x" * 129, True, 1.5, -1, {}])
def test_an_id_is_printable_text_of_bounded_length(name: str, value: object) -> None:
    with pytest.raises(Malformed, match=f"{name}: "):
        fact_of({**MAKE_BET, name: value})


def test_a_player_is_never_a_number() -> None:
    with pytest.raises(Malformed, match="player_id: text"):
        fact_of({**GET_BALANCE, "player_id": 42})


def test_another_agents_callback_is_refused_where_ours_is_known() -> None:
    assert fact_of(GET_BALANCE, {"agent_id": 1}) == fact_of(GET_BALANCE)
    assert fact_of({**GET_BALANCE, "agent_id": 2}) == fact_of(GET_BALANCE)
    with pytest.raises(Malformed, match="agent_id: our agent id is expected"):
        fact_of({**GET_BALANCE, "agent_id": 2}, {"agent_id": 1})


@pytest.mark.parametrize("value", ["1", -1, 1.0, True, None, "", []])
def test_an_agent_id_is_a_whole_number(value: object) -> None:
    with pytest.raises(Malformed, match="agent_id: a whole number is expected"):
        fact_of({**GET_BALANCE, "agent_id": value}, {"agent_id": 1})
