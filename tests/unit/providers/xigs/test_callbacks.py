"""What the scratch-card platform says and must hear, sentence by sentence."""

import json
from datetime import UTC, datetime

import pytest

from providers.contract import Callback, LedgerPolicy, OptionValue
from providers.xigs import DIALECT
from tests.harness.dialects.xigs import CLOSE, OPEN, asked, fact_of, hashed, signed_raw, webhook
from vocabulary.errors import Malformed
from vocabulary.facts import Bet, Win, fingerprint
from vocabulary.money import Money
from vocabulary.outcomes import CallbackReply, Outcome, Verdict, refusal

ROUND = OPEN["roundId"]
REQUIRED = ("eventType", "roundId", "userId", "amount")
STANDS = {Verdict.ACCEPTED, Verdict.REPEATED, Verdict.BALANCE, Verdict.RECORDED}


def test_an_open_round_is_a_bet_of_the_ticket_price() -> None:
    assert fact_of(signed_raw(OPEN)) == Bet(
        key=f"open:{ROUND}",
        handle="usr_7c21",
        amount=Money(250, "USD"),
        round_id=ROUND,
        occurred_at=datetime(2026, 6, 4, 9, 30, 0, 125_000, tzinfo=UTC),
    )


def test_a_close_round_is_a_win_of_the_prize_that_ends_the_round() -> None:
    assert fact_of(signed_raw(CLOSE)) == Win(
        key=f"close:{ROUND}",
        handle="usr_7c21",
        amount=Money(4000, "USD"),
        round_id=ROUND,
        bet_key=f"open:{ROUND}",
        stake=None,
        occurred_at=datetime(2026, 6, 4, 9, 30, 4, tzinfo=UTC),
        ends_round=True,
    )


def test_a_lost_round_is_closed_by_a_win_of_nothing() -> None:
    lost = fact_of(signed_raw(CLOSE | {"amount": 0}))

    assert isinstance(lost, Win)
    assert (lost.amount, lost.ends_round) == (Money(0, "USD"), True)


def test_with_transactions_as_keys_the_bet_of_a_win_cannot_be_named() -> None:
    by_transaction = asked({"key_source": "transaction"})

    bet = fact_of(signed_raw(OPEN), by_transaction)
    win = fact_of(signed_raw(CLOSE), by_transaction)

    assert isinstance(bet, Bet)
    assert isinstance(win, Win)
    assert (bet.key, win.key, win.bet_key) == ("trx-1001", "trx-1002", None)


@pytest.mark.parametrize("without", [{}, {"transactionId": None}])
def test_without_a_transaction_id_round_and_event_are_the_key(
    without: dict[str, None],
) -> None:
    by_transaction = asked({"key_source": "transaction"})
    documents = [{k: v for k, v in d.items() if k != "transactionId"} for d in (OPEN, CLOSE)]

    facts = [fact_of(signed_raw(each | without), by_transaction) for each in documents]

    keys = [fact.key for fact in facts if isinstance(fact, Bet | Win)]
    assert keys == [f"open:{ROUND}", f"close:{ROUND}"]


def test_a_retry_with_a_fresh_time_and_transaction_is_the_same_operation() -> None:
    again = CLOSE | {"timestamp": 1780565409999, "transactionId": "trx-9", "sessionId": "s2"}
    facts = [fact_of(signed_raw(each)) for each in (CLOSE, again)]

    prints = {fingerprint(fact) for fact in facts if isinstance(fact, Win)}
    assert len(prints) == 1


@pytest.mark.parametrize("document", [OPEN, CLOSE], ids=["open", "close"])
def test_only_four_fields_are_needed_and_others_are_left_alone(
    document: dict[str, object],
) -> None:
    least = {name: document[name] for name in REQUIRED}
    more = least | {"sessionId": 7, "gameId": [], "balance": {"x": None}, "zz": "\x00"}

    first, second = fact_of(signed_raw(least)), fact_of(signed_raw(more))

    assert first == second
    assert isinstance(first, Bet | Win)
    assert first.amount.currency == "USD"
    assert first.occurred_at is None


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_field_is_named_and_nothing_is_filled_in(name: str) -> None:
    document = {key: value for key, value in OPEN.items() if key != name}

    with pytest.raises(Malformed, match="body: at least the fields amount, eventType, roundId"):
        fact_of(signed_raw(document))


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("eventType", "cancel-round", "eventType: one of open-round, close-round"),
        ("eventType", None, "eventType: one of"),
        ("roundId", 12, "roundId: text of 1 to 128"),
        ("roundId", "", "roundId: text of 1 to 128"),
        ("roundId", "r" * 129, "roundId: text of 1 to 128"),
        ("userId", "u\n", "userId: printable"),
        ("userId", None, "userId: text"),
        ("amount", None, "amount: a decimal number"),
        ("amount", True, "amount: a decimal number"),
        ("amount", [2.5], "amount: a decimal number"),
        ("amount", -2.5, "amount: an amount of at least 0"),
        ("amount", "-0", "amount: an amount of at least 0"),
        ("amount", 2.505, "amount: "),
        ("amount", "2,50", "amount: "),
        ("amount", "1e2", "amount: "),
        ("amount", " 2.5", "amount: "),
        ("amount", "2.5e-7", "amount: "),
        ("amount", 2.5e-7, "amount: "),
        ("amount", 5e-324, "amount: "),
        ("amount", 1e22, "amount: "),
        ("amount", "٢", "amount: "),
        ("amount", "", "amount: "),
        ("amount", 10**30, "amount: "),
        ("currency", "usd", "currency: a currency code"),
        ("currency", "", "currency: a currency code"),
        ("currency", 840, "currency: a currency code"),
        ("timestamp", "yesterday", "timestamp: an ISO-8601 instant"),
        ("timestamp", "2026-06-04T09:30:00", "timestamp: an ISO-8601 instant"),
        ("timestamp", "2026-02-30T09:30:00Z", "timestamp: an instant that exists"),
        ("timestamp", -1, "timestamp: milliseconds"),
        ("timestamp", 1780565404.5, "timestamp: milliseconds"),
        ("timestamp", 253_402_300_800_000, "timestamp: milliseconds"),
        ("timestamp", False, "timestamp: an ISO-8601 instant"),
    ],
)
def test_what_is_read_is_read_strictly(field: str, value: object, reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        fact_of(signed_raw(OPEN | {field: value}))

    assert str(refused.value).startswith(reason)


def test_a_transaction_id_is_read_strictly_where_it_is_the_key() -> None:
    with pytest.raises(Malformed, match="transactionId: text of 1 to 128"):
        fact_of(signed_raw(OPEN | {"transactionId": 5}), asked({"key_source": "transaction"}))


@pytest.mark.parametrize(
    ("token", "currency", "minor"),
    [
        ("5", "USD", 500),
        ("5.0", "USD", 500),
        ('"5.10"', "USD", 510),
        ('"5.100"', "USD", 510),
        ("0", "USD", 0),
        ("-0", "USD", 0),
        ("1200", "JPY", 1200),
        ("0.000001", "USDT", 1),
        ('"0.000000001"', "ETH", 1),
        ("1e2", "USD", 10_000),
        ("0.00000025", "ETH", 250),
        ("0.000000001", "ETH", 1),
        ("123456.789012345", "ETH", 123_456_789_012_345),
    ],
)
def test_amounts_are_exact_in_the_currency_sent(token: str, currency: str, minor: int) -> None:
    """Signed in the sorted form, so that numbers are read as JavaScript printed them."""
    head = f'"currency":"{currency}","eventType":"open-round","roundId":"r","userId":"u"'
    spelt = {"0.00000025": "2.5e-7", "0.000000001": "1e-9"}
    printed = {"5.0": "5", "-0": "0", "1e2": "100", **spelt}.get(token, token)
    signature = hashed(f'{{"amount":{printed},{head}}}'.encode())

    bet = fact_of(webhook(f'{{{head},"amount":{token}}}', signature))

    assert isinstance(bet, Bet)
    assert bet.amount == Money(minor, currency)


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1780565404125, datetime(2026, 6, 4, 9, 30, 4, 125_000, tzinfo=UTC)),
        (253_402_300_799_999, datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
        ("2026-06-04T09:30:04+00:00", datetime(2026, 6, 4, 9, 30, 4, tzinfo=UTC)),
        ("2026-06-04T11:30:04+02:00", datetime(2026, 6, 4, 9, 30, 4, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_time_is_text_or_milliseconds(timestamp: object, expected: datetime | None) -> None:
    bet = fact_of(signed_raw(OPEN | {"timestamp": timestamp}))

    assert isinstance(bet, Bet)
    assert bet.occurred_at == expected


def test_every_name_may_be_another_one() -> None:
    names = {
        "event_type_field": "event",
        "round_id_field": "round_id",
        "user_id_field": "player",
        "amount_field": "value",
        "currency_field": "ccy",
        "transaction_id_field": "tx",
        "timestamp_field": "at",
    }
    options: dict[str, OptionValue] = {**names, "key_source": "transaction"}
    document = {
        "event": "open-round",
        "round_id": "r1",
        "player": "p1",
        "value": "7",
        "ccy": "JPY",
        "tx": "t1",
        "at": 0,
    }

    assert fact_of(signed_raw(document), asked(options)) == Bet(
        key="t1",
        handle="p1",
        amount=Money(7, "JPY"),
        round_id="r1",
        occurred_at=datetime(1970, 1, 1, tzinfo=UTC),
    )
    with pytest.raises(Malformed, match="at least the fields event, player, round_id, value"):
        fact_of(signed_raw(OPEN), asked(options))


@pytest.mark.parametrize("route", ["/", "/open-round", "x", "/\udcff"])
def test_only_the_registered_url_is_a_route(route: str) -> None:
    callback = signed_raw(OPEN)

    with pytest.raises(Malformed, match="route: a route of this dialect is expected"):
        fact_of(Callback(route=route, headers=callback.headers, body=callback.body))


@pytest.mark.parametrize(("choice", "credits_it"), [("credit", True), ("refuse", False)])
def test_a_win_without_its_bet_follows_the_setting(choice: str, credits_it: bool) -> None:
    assert DIALECT.policy(asked({"orphan_win": choice}).options) == LedgerPolicy(
        orphan_win_credits=credits_it,
        rollback_of_rollback_accepts=False,
        round_per_operation=False,
        rollback_moves_stated=False,
    )


def told(verdict: Verdict, balance: Money | None, **options: OptionValue) -> CallbackReply:
    outcome = Outcome(
        verdict=verdict,
        route="",
        fact=None,
        transaction_id="txn-1-7",
        balance=balance,
        turnover=None,
    )
    return DIALECT.respond(outcome, asked(dict(options)))


@pytest.mark.parametrize(
    ("balance", "number", "text"),
    [
        (Money(29159, "USD"), b"291.59", b'"291.59"'),
        (Money(29150, "USD"), b"291.5", b'"291.50"'),
        (Money(500, "USD"), b"5", b'"5.00"'),
        (Money(0, "USD"), b"0", b'"0.00"'),
        (Money(-50, "USD"), b"-0.5", b'"-0.50"'),
        (Money(1200, "JPY"), b"1200", b'"1200"'),
    ],
)
def test_success_tells_the_balance_in_their_envelope(
    balance: Money, number: bytes, text: bytes
) -> None:
    for verdict in (Verdict.ACCEPTED, Verdict.REPEATED):
        assert told(verdict, balance) == CallbackReply(
            200, b'{"status":"success","data":{"balance":' + number + b"}}"
        )
        assert told(verdict, balance, balance_type="text").body == (
            b'{"status":"success","data":{"balance":' + text + b"}}"
        )


@pytest.mark.parametrize(
    ("verdict", "status", "code"),
    [
        (Verdict.DECLINED_FUNDS, 402, "INSUFFICIENT_FUNDS"),
        (Verdict.DECLINED_BLOCKED, 403, "USER_BLOCKED"),
        (Verdict.PLAYER_UNKNOWN, 404, "USER_NOT_FOUND"),
        (Verdict.BET_UNKNOWN, 404, "ROUND_NOT_FOUND"),
        (Verdict.CONFLICT, 409, "TRANSACTION_CONFLICT"),
        (Verdict.ROLLED_BACK, 409, "ROUND_CANCELLED"),
        (Verdict.CURRENCY_WRONG, 400, "INVALID_CURRENCY"),
        (Verdict.MALFORMED, 400, "INVALID_REQUEST"),
        (Verdict.NOT_AUTHENTIC, 401, "INVALID_SIGNATURE"),
        (Verdict.SIGNATURE_MISSING, 401, "INVALID_SIGNATURE"),
        (Verdict.UNAVAILABLE, 500, "INTERNAL_ERROR"),
    ],
)
def test_every_error_has_its_status_and_code(verdict: Verdict, status: int, code: str) -> None:
    reply = DIALECT.respond(refusal(verdict, ""), asked())

    assert reply.status == status
    assert json.loads(reply.body)["error"] == code


def test_respond_is_total_and_no_refusal_can_be_read_as_a_success() -> None:
    for verdict in Verdict:
        reply = told(verdict, Money(29159, "USD"))
        document = json.loads(reply.body)
        if verdict in STANDS:
            assert (reply.status, document["status"]) == (200, "success"), verdict
        else:
            assert document.keys() == {"status", "error", "message"}, verdict
            assert document["status"] == "error", verdict
            assert 400 <= reply.status < 600, verdict


def test_a_success_whose_balance_is_not_known_is_our_fault_and_comes_again() -> None:
    assert told(Verdict.ACCEPTED, None) == told(Verdict.UNAVAILABLE, None)
