"""What it says: the aggregator's fields, one by one."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.harness.dialects.aggregator import (
    AGENT_SECRET,
    AGGREGATOR,
    BET_ID,
    HANDLE,
    SAMPLES,
    bet_of,
    callback,
    fact_of,
    signed,
    signed_text,
    with_hmac,
)
from tests.harness.providers.speaker import configured
from vocabulary.errors import Malformed
from vocabulary.facts import BalanceQuery, Bet, HistoryRecord, RoundEnd, UnreadableHistory, Win
from vocabulary.money import Money


def test_the_digits_a_double_cannot_hold_are_read_as_they_were_signed() -> None:
    """Both tokens share one signature, so the difference must not reach the books."""
    printed = signed_text("/bet", bet_of("90071992547409.92"))
    digest = json.loads(printed.body)["hmac"]
    other = callback("/bet", with_hmac(bet_of("90071992547409.921"), digest))

    assert fact_of(other) == fact_of(printed)


def test_the_samples_are_read_as_the_facts_they_state() -> None:
    facts = {route: fact_of(signed(route, sample)) for route, sample in SAMPLES.items()}

    assert facts["/balance"] == BalanceQuery(handle=HANDLE, currency="USD")
    assert facts["/bet"] == Bet(
        key=f"bet:{BET_ID}",
        handle=HANDLE,
        amount=Money(500, "USD"),
        round_id=BET_ID,
        occurred_at=None,
    )
    assert facts["/settle-bet"] == Win(
        key=f"settle-bet:{BET_ID}",
        handle=HANDLE,
        amount=Money(2000, "USD"),
        round_id=BET_ID,
        bet_key=f"bet:{BET_ID}",
        stake=Money(500, "USD"),
        occurred_at=None,
    )
    assert facts["/bet-end"] == RoundEnd(
        key=f"bet-end:{BET_ID}",
        handle=HANDLE,
        round_id=BET_ID,
        bet_key=f"bet:{BET_ID}",
        stake=Money(500, "USD"),
        payout=Money(2000, "USD"),
        occurred_at=None,
    )


def test_a_history_record_is_read_with_both_balances_and_the_line_as_received() -> None:
    callback = signed("/history", SAMPLES["/history"])

    assert fact_of(callback) == HistoryRecord(
        record_id="66a1c0f2e1b2c3d4e5f60718",
        round_id="66a1c0f2e1b2c3d4e5f60718",
        handle=HANDLE,
        currency="USD",
        stake=Money(500, "USD"),
        payout=Money(2000, "USD"),
        rolled_back=False,
        declared_net=Money(1500, "USD"),
        balance_before=Money(29659, "USD"),
        balance_after=Money(31159, "USD"),
        game="Super Golf Drive",
        created_at=datetime(2026, 6, 4, 9, 30, 0, tzinfo=UTC),
        updated_at=datetime(2026, 6, 4, 9, 30, 4, tzinfo=UTC),
        raw=callback.body,
    )


def test_a_history_id_that_is_no_bet_id_names_a_round_that_no_operation_has() -> None:
    provider = configured(
        AGGREGATOR, secrets=(AGENT_SECRET,), options={"history_id_is_bet_id": False}
    )
    fact = fact_of(signed("/history", SAMPLES["/history"]), provider)

    assert isinstance(fact, HistoryRecord)
    assert fact.round_id == "history:66a1c0f2e1b2c3d4e5f60718"


@pytest.mark.parametrize(
    ("token", "minor"),
    [
        ("5", 500),
        ("5.0", 500),
        ("5.10", 510),
        ("0", 0),
        ("-0", 0),
        ("-0.0", 0),
        ("0.01", 1),
        ("1e2", 10_000),
        ("1E+2", 10_000),
        ("5e-1", 50),
        ("50.00000", 5_000),
        ("1e15", 10**17),
    ],
)
def test_an_amount_is_read_exactly_in_every_spelling(token: str, minor: int) -> None:
    fact = fact_of(signed_text("/bet", bet_of(token)))

    assert isinstance(fact, Bet)
    assert fact.amount == Money(minor, "USD")


@pytest.mark.parametrize(
    "token",
    [
        "-5",
        "-0.01",
        "-1e-1",
        "0.001",
        "1e-3",
        "0.30000000000000004",
        "1e16",
        "1e21",
        "1e100",
        "1e-100",
        '"5"',
        "true",
        "null",
        "[5]",
        '{"amount":5}',
    ],
)
def test_an_amount_that_is_not_exact_unsigned_money_is_refused(token: str) -> None:
    with pytest.raises(Malformed, match="balance: "):
        fact_of(signed_text("/bet", bet_of(token)))


def test_an_amount_follows_the_providers_own_exponents() -> None:
    fine = configured(AGGREGATOR, secrets=(AGENT_SECRET,), currency="ETH", exponents={"ETH": 5})

    fact = fact_of(signed_text("/bet", bet_of("0.00001")), fine)

    assert isinstance(fact, Bet)
    assert fact.amount == Money(1, "ETH")


@pytest.mark.parametrize(
    "value",
    ['""', '"' + "x" * 129 + '"', '"a\\u0000"', '"a\\n"', '"\\ud800"', "5", "null", "[]"],
)
@pytest.mark.parametrize("name", ["bet_id", "user_agent"])
def test_an_id_is_printable_text_of_bounded_length(name: str, value: str) -> None:
    other = "user_agent" if name == "bet_id" else "bet_id"
    pairs = sorted([("balance", "5"), (name, value), (other, '"ok"')])
    text = "{" + ",".join(f'"{key}":{token}' for key, token in pairs) + "}"

    with pytest.raises(Malformed, match=f"{name}: "):
        fact_of(signed_text("/bet", text))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"type": "delete"}, "type"),
        ({"type": 1}, "type"),
        ({"game": 5}, "game"),
        ({"game": "x" * 257}, "game"),
        ({"game": "a\nb"}, "game"),
        ({"game_id": 1513328}, "game_id"),
        ({"used_balance": -5}, "used_balance"),
        ({"receive_balance": -0.01}, "receive_balance"),
        ({"used_balance": "5"}, "used_balance"),
        ({"used_balance": 5.005}, "used_balance"),
        ({"winlose": 10**30}, "winlose"),
        ({"createdAt": "2026-06-04T09:30:00.000"}, "createdAt"),
        ({"createdAt": "2026-06-04T09:30:00.000+25:00"}, "createdAt"),
        ({"createdAt": "2026-02-30T09:30:00.000Z"}, "createdAt"),
        ({"createdAt": "2026-06-04T09:30:00.0000000001Z"}, "createdAt"),
        ({"createdAt": "04.06.2026 09:30:00Z"}, "createdAt"),
        ({"createdAt": "0001-01-01T00:00:00.000Z"}, "createdAt"),
        ({"updatedAt": "9999-12-31T23:59:59.999Z"}, "updatedAt"),
        ({"updatedAt": "2026-06-04"}, "updatedAt"),
        ({"updatedAt": 1780565404}, "updatedAt"),
    ],
)
def test_history_with_a_field_of_another_type_is_kept_and_names_the_field(
    changes: dict[str, Any], path: str
) -> None:
    fact = fact_of(signed("/history", SAMPLES["/history"] | changes))

    assert isinstance(fact, UnreadableHistory)
    assert fact.path == path
    assert fact.reason


def test_history_with_another_set_of_fields_is_kept_too() -> None:
    rest = {name: value for name, value in SAMPLES["/history"].items() if name != "winlose"}

    fact = fact_of(signed("/history", rest))

    assert isinstance(fact, UnreadableHistory)
    assert fact.path == "body"


def test_another_routes_body_is_no_history() -> None:
    with pytest.raises(Malformed, match="body: "):
        fact_of(signed("/history", SAMPLES["/bet"]))


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-04T09:30:00+00",
        "2026-06-04T11:30:00+02",
        "2026-06-04T11:30:00+0200",
        "2026-06-04T11:30:00.000+02:00",
        "2026-06-04T09:30Z",
        "2026-06-04T09:30:00.0000000Z",
        "2026-06-04T09:30:00.000000999Z",
        "2026-06-04 09:30:00Z",
        "2026-06-04 09:30:00.0000000Z",
        "2026-06-04t09:30:00z",
    ],
)
def test_an_instant_is_read_in_every_sound_form(text: str) -> None:
    fact = fact_of(signed("/history", SAMPLES["/history"] | {"createdAt": text}))

    assert isinstance(fact, HistoryRecord)
    assert fact.created_at == datetime(2026, 6, 4, 9, 30, tzinfo=UTC)
    assert fact.created_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("sent", "minor"),
    [
        (0.1 + 0.2, 30),
        (296.59 - 5 + 20, 31159),
        (-15.000000000000002, -1500),
        (-5.5, -550),
        (1234567890.1200001, 123456789012),
    ],
)
def test_float_noise_in_the_history_is_taken_off_at_currency_scale(
    sent: float, minor: int
) -> None:
    fact = fact_of(signed("/history", SAMPLES["/history"] | {"winlose": sent}))

    assert isinstance(fact, HistoryRecord)
    assert fact.declared_net == Money(minor, "USD")


@pytest.mark.parametrize(("won", "implied"), [("20", ["bet", "settle-bet"]), ("0", ["bet"])])
def test_a_bet_end_that_applies_implies_the_callbacks_that_never_came(
    won: str, implied: list[str]
) -> None:
    provider = configured(
        AGGREGATOR, secrets=(AGENT_SECRET,), options={"bet_end": "apply_missing"}
    )
    shared = {"user_agent": "LAG1.1", "bet_id": BET_ID, "balance": 5}
    settled = {**shared, "bet": 5, "balance": int(won)}

    end = fact_of(signed("/bet-end", {**shared, "win_balance": int(won)}), provider)
    alone = {
        "bet": fact_of(signed("/bet", shared), provider),
        "settle-bet": fact_of(signed("/settle-bet", settled), provider),
    }

    assert isinstance(end, RoundEnd)
    assert list(end.implied) == [alone[name] for name in implied]
