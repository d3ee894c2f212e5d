"""Blocked, self-excluded and limited players: bets refused, wins and rollbacks taken."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from ledger.accepting.decide import decide
from ledger.accepting.limits import (
    PlayerState,
    Restrictions,
    business_day,
    player_state,
    restrictions_from_json,
    restrictions_to_json,
)
from ledger.accepting.model import Decision
from ledger.accepting.own_operations import (
    Adjust,
    Deposit,
    Exclude,
    InRound,
    Limit,
    OwnOperation,
    SetBlocked,
    Withdrawal,
    own_operation_bytes,
    own_operation_fingerprint,
    own_operation_from_bytes,
)
from tests.harness.books.ledger import (
    NOON,
    Counter,
    adjust,
    bet,
    bet_and_win,
    deposit,
    eur,
    request,
    rollback,
    win,
)
from vocabulary.facts import Fact, Fund
from vocabulary.outcomes import Verdict

BLOCKED, ACCEPTED = Verdict.DECLINED_BLOCKED, Verdict.ACCEPTED


def exclude(key: str, until: datetime) -> Exclude:
    return Exclude(key=key, handle="ann", currency="EUR", until=until, reason="asked")


def limit(
    key: str, stake: int | None = None, turnover: int | None = None, loss: int | None = None
) -> Limit:
    return Limit(
        key=key,
        handle="ann",
        currency="EUR",
        stake=stake,
        turnover=turnover,
        loss=loss,
        reason="asked",
    )


def take_at(counter: Counter, fact: Fact | OwnOperation, at: datetime) -> Decision:
    asked = structs.replace(request(fact), received_at=at)
    decided = decide(counter.books, asked)
    if decided.wallet is not None:
        counter.wallets[decided.wallet.wallet_id] = decided.wallet
        counter.operations.update(decided.changes)
    return decided


def why(decided: Decision) -> tuple[Verdict, str | None]:
    return decided.verdict, decided.operations[0].reason


def test_an_excluded_player_stakes_nothing_until_the_instant_and_is_paid_meanwhile() -> None:
    counter = Counter()
    until = NOON + timedelta(days=1)
    counter.take(bet("b0", 100))
    counter.take(exclude("x", until))

    assert why(counter.take(bet("b1", 1))) == (BLOCKED, "self_excluded")
    assert why(counter.take(bet_and_win("k", 1, 5))) == (BLOCKED, "self_excluded")
    assert counter.take(win("w0", 40, bet_key="b0")).verdict is ACCEPTED
    assert counter.take(rollback("u0", "b0")).verdict is ACCEPTED
    assert counter.take(bet("free", 0)).verdict is ACCEPTED
    assert take_at(counter, bet("b2", 1), until).verdict is ACCEPTED


def test_an_exclusion_is_never_shortened_nor_lifted_by_limits_or_unblocking() -> None:
    counter = Counter()
    until = NOON + timedelta(days=30)
    counter.take_all(
        exclude("x", until),
        exclude("y", NOON + timedelta(days=1)),
        limit("l", stake=5),
        limit("m"),
        SetBlocked(key="u", handle="ann", currency="EUR", blocked=False, reason="asked"),
    )

    assert counter.wallets[1].restrictions == Restrictions(until=until)


def test_a_single_stake_beyond_its_limit_is_refused() -> None:
    counter = Counter()
    counter.take(limit("l", stake=50))

    assert why(counter.take(bet("b1", 51))) == (BLOCKED, "limit_stake")
    assert counter.take(bet("b2", 50)).verdict is ACCEPTED


def test_what_was_staked_before_the_limit_was_set_counts() -> None:
    counter = Counter()
    counter.take_all(bet("b1", 60), limit("l", turnover=100))

    assert why(counter.take(bet("b2", 41))) == (BLOCKED, "limit_turnover")
    assert counter.take(bet("b3", 40)).verdict is ACCEPTED
    assert why(counter.take(bet("b4", 1))) == (BLOCKED, "limit_turnover")


def test_a_loss_is_stakes_less_payouts_of_the_day() -> None:
    counter = Counter()
    counter.take_all(limit("l", loss=100), bet("b1", 100))

    assert why(counter.take(bet("b2", 1))) == (BLOCKED, "limit_loss")
    counter.take(win("w1", 30, bet_key="b1"))
    assert why(counter.take(bet("b3", 31))) == (BLOCKED, "limit_loss")
    assert counter.take(bet("b4", 30)).verdict is ACCEPTED


def test_a_win_of_the_same_call_does_not_make_room_for_its_bet() -> None:
    counter = Counter()
    counter.take(limit("l", loss=10))

    assert why(counter.take(bet_and_win("k", 11, 500))) == (BLOCKED, "limit_loss")


def test_the_day_begins_anew_at_midnight_and_never_goes_back() -> None:
    counter = Counter()
    counter.take_all(limit("l", turnover=100), bet("b1", 100))
    midnight = datetime(2026, 6, 5, tzinfo=UTC)

    assert (
        take_at(counter, bet("b2", 1), midnight - timedelta(microseconds=1)).verdict is BLOCKED
    )
    assert take_at(counter, bet("b3", 90), midnight).verdict is ACCEPTED
    assert take_at(counter, bet("b4", 11), midnight - timedelta(seconds=1)).verdict is BLOCKED


def test_a_rollback_gives_back_the_allowance_of_its_own_day_only() -> None:
    counter = Counter()
    tomorrow = NOON + timedelta(days=1)
    counter.take_all(limit("l", turnover=100), bet("b1", 60), bet("b2", 40))
    counter.take(rollback("u2", "b2"))
    assert counter.take(bet("b3", 40)).verdict is ACCEPTED

    take_at(counter, bet("b4", 70), tomorrow)
    take_at(counter, rollback("u1", "b1"), tomorrow)

    assert counter.wallets[1].day_stake == 70
    assert take_at(counter, bet("b5", 31), tomorrow).verdict is BLOCKED


def test_funds_are_looked_at_before_limits_and_blocks_before_funds() -> None:
    counter = Counter(balance=10)
    counter.take(limit("l", stake=5))
    assert counter.take(bet("b1", 11)).verdict is Verdict.DECLINED_FUNDS

    counter.take(exclude("x", NOON + timedelta(days=1)))
    assert counter.take(bet("b2", 11)).verdict is BLOCKED


def test_limits_are_lifted_one_by_one_and_together() -> None:
    counter = Counter()
    counter.take_all(limit("l", stake=5, loss=7), limit("m", loss=7))
    assert counter.wallets[1].restrictions == Restrictions(loss=7)

    counter.take(limit("n"))

    assert counter.wallets[1].restrictions is None


def test_what_a_fund_or_a_correction_moves_is_not_the_players_own_play() -> None:
    counter = Counter()
    counter.take_all(
        adjust("a", 50, within=InRound(provider="lottery", round_id="r1", side="stake")),
        adjust("c", -20),
        deposit("d", 5),
    )

    wallet = counter.wallets[1]
    assert (wallet.day_stake, wallet.day_payout, wallet.balance) == (0, 0, 1035)


def test_a_typed_win_and_what_undoes_it_name_the_same_fund() -> None:
    counter = Counter()
    typed = dataclasses.replace(win("w", 30), fund=Fund.FREE_ROUND)

    paid, undone = counter.take(typed), counter.take(rollback("u", "w"))

    assert [one.operations[0].fund for one in (paid, undone)] == ["free_round", "free_round"]


@pytest.mark.parametrize(
    ("restrictions", "is_blocked", "state"),
    [
        (None, False, PlayerState.ACTIVE),
        (None, True, PlayerState.BLOCKED),
        (Restrictions(until=NOON + timedelta(1)), True, PlayerState.BLOCKED),
        (Restrictions(until=NOON + timedelta(1), stake=1), False, PlayerState.SELF_EXCLUDED),
        (Restrictions(until=NOON), False, PlayerState.ACTIVE),
        (Restrictions(until=NOON, loss=0), False, PlayerState.LIMITED),
    ],
)
def test_the_strictest_state_is_told(
    restrictions: Restrictions | None, is_blocked: bool, state: PlayerState
) -> None:
    assert player_state(restrictions, NOON, is_blocked=is_blocked) is state


@pytest.mark.parametrize(
    "restrictions",
    [None, Restrictions(stake=0), Restrictions(until=NOON, stake=1, turnover=2, loss=3)],
)
def test_restrictions_are_stored_and_read_as_they_are(
    restrictions: Restrictions | None,
) -> None:
    assert restrictions_from_json(restrictions_to_json(restrictions)) == restrictions


def test_no_restriction_is_stored_as_nothing() -> None:
    assert restrictions_to_json(Restrictions()) is None


def test_days_are_counted_from_1970_in_utc() -> None:
    assert business_day(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert business_day(NOON) == 20608


ORDERS: tuple[OwnOperation, ...] = (
    deposit("d", 5),
    Deposit(key="d", handle="ann", amount=eur(5), reason="a gift", fund=Fund.BONUS),
    Withdrawal(key="w", handle="ann", amount=eur(5), reason="cash"),
    SetBlocked(key="b", handle="ann", currency="EUR", blocked=True, reason="asked"),
    exclude("x", NOON),
    limit("l", stake=5),
    adjust("a", -5),
    Adjust(
        key="a",
        handle="ann",
        amount=eur(5),
        reason="agreed",
        within=InRound(provider="lottery", round_id="r1", side="stake"),
    ),
)


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_is_read_back_from_the_evidence_kept_with_it(order: OwnOperation) -> None:
    assert own_operation_from_bytes(own_operation_bytes(order)) == order


def test_orders_that_differ_have_other_fingerprints() -> None:
    assert len({own_operation_fingerprint(order) for order in ORDERS}) == len(ORDERS)


def test_bytes_that_are_no_order_are_refused() -> None:
    with pytest.raises(ValueError, match="an order is expected, one of Deposit, Withdrawal"):
        own_operation_from_bytes(b'{"order":"Gift"}')
