"""Blocked, self-excluded and limited players: bets refused, wins and rollbacks accepted."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from ledger.accepting.limits import (
    STAKED_MAX,
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
    MemoryLedger,
    adjust,
    bet,
    bet_and_win,
    deposit,
    eur,
    rollback,
    win,
)
from vocabulary.facts import Fund
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


def refusal(decision: Decision) -> tuple[Verdict, str | None]:
    return decision.verdict, decision.operations[0].reason


def test_an_excluded_player_cannot_stake_until_the_instant_and_is_paid_meanwhile() -> None:
    ledger = MemoryLedger()
    until = NOON + timedelta(days=1)
    ledger.decide(bet("b0", 100))
    ledger.decide(exclude("x", until))

    assert refusal(ledger.decide(bet("b1", 1))) == (BLOCKED, "self_excluded")
    assert refusal(ledger.decide(bet_and_win("k", 1, 5))) == (BLOCKED, "self_excluded")
    assert ledger.decide(win("w0", 40, bet_key="b0")).verdict is ACCEPTED
    assert ledger.decide(rollback("u0", "b0")).verdict is ACCEPTED
    assert ledger.decide(bet("free", 0)).verdict is ACCEPTED
    assert ledger.decide(bet("b2", 1), at=until).verdict is ACCEPTED


def test_an_exclusion_is_never_shortened_nor_lifted_by_limits_or_unblocking() -> None:
    ledger = MemoryLedger()
    until = NOON + timedelta(days=30)
    ledger.decide_all(
        exclude("x", until),
        exclude("y", NOON + timedelta(days=1)),
        limit("l", stake=5),
        limit("m"),
        SetBlocked(key="u", handle="ann", currency="EUR", blocked=False, reason="asked"),
    )

    assert ledger.wallets[1].restrictions == Restrictions(until=until)


def test_a_stake_over_the_limit_is_refused() -> None:
    ledger = MemoryLedger()
    ledger.decide(limit("l", stake=50))

    assert refusal(ledger.decide(bet("b1", 51))) == (BLOCKED, "limit_stake")
    assert ledger.decide(bet("b2", 50)).verdict is ACCEPTED


def test_stakes_before_the_limit_was_set_count() -> None:
    ledger = MemoryLedger()
    ledger.decide_all(bet("b1", 60), limit("l", turnover=100))

    assert refusal(ledger.decide(bet("b2", 41))) == (BLOCKED, "limit_turnover")
    assert ledger.decide(bet("b3", 40)).verdict is ACCEPTED
    assert refusal(ledger.decide(bet("b4", 1))) == (BLOCKED, "limit_turnover")


def test_a_loss_is_stakes_less_payouts_of_the_day() -> None:
    ledger = MemoryLedger()
    ledger.decide_all(limit("l", loss=100), bet("b1", 100))

    assert refusal(ledger.decide(bet("b2", 1))) == (BLOCKED, "limit_loss")
    ledger.decide(win("w1", 30, bet_key="b1"))
    assert refusal(ledger.decide(bet("b3", 31))) == (BLOCKED, "limit_loss")
    assert ledger.decide(bet("b4", 30)).verdict is ACCEPTED


def test_the_win_of_a_bet_and_win_does_not_make_room_for_its_bet() -> None:
    ledger = MemoryLedger()
    ledger.decide(limit("l", loss=10))

    assert refusal(ledger.decide(bet_and_win("k", 11, 500))) == (BLOCKED, "limit_loss")


def test_a_new_day_starts_at_midnight_and_the_day_never_goes_back() -> None:
    ledger = MemoryLedger()
    ledger.decide_all(limit("l", turnover=100), bet("b1", 100))
    midnight = datetime(2026, 6, 5, tzinfo=UTC)

    assert (
        ledger.decide(bet("b2", 1), at=midnight - timedelta(microseconds=1)).verdict is BLOCKED
    )
    assert ledger.decide(bet("b3", 90), at=midnight).verdict is ACCEPTED
    assert ledger.decide(bet("b4", 11), at=midnight - timedelta(seconds=1)).verdict is BLOCKED


def test_a_rollback_reduces_the_days_stakes_only_on_the_day_of_its_original() -> None:
    ledger = MemoryLedger()
    tomorrow = NOON + timedelta(days=1)
    ledger.decide_all(limit("l", turnover=100), bet("b1", 60), bet("b2", 40))
    ledger.decide(rollback("u2", "b2"))
    assert ledger.decide(bet("b3", 40)).verdict is ACCEPTED

    ledger.decide(bet("b4", 70), at=tomorrow)
    ledger.decide(rollback("u1", "b1"), at=tomorrow)

    assert ledger.wallets[1].day_stake == 70
    assert ledger.decide(bet("b5", 31), at=tomorrow).verdict is BLOCKED


def test_funds_are_checked_before_limits_and_exclusions_before_funds() -> None:
    ledger = MemoryLedger(balance=10)
    ledger.decide(limit("l", stake=5))
    assert ledger.decide(bet("b1", 11)).verdict is Verdict.DECLINED_FUNDS

    ledger.decide(exclude("x", NOON + timedelta(days=1)))
    assert ledger.decide(bet("b2", 11)).verdict is BLOCKED


def test_limits_are_lifted_one_by_one_and_together() -> None:
    ledger = MemoryLedger()
    ledger.decide_all(limit("l", stake=5, loss=7), limit("m", loss=7))
    assert ledger.wallets[1].restrictions == Restrictions(loss=7)

    ledger.decide(limit("n"))

    assert ledger.wallets[1].restrictions is None


def test_deposits_and_corrections_do_not_count_for_limits() -> None:
    ledger = MemoryLedger()
    ledger.decide_all(
        adjust("a", 50, within=InRound(provider="lottery", round_id="r1", side="stake")),
        adjust("c", -20),
        deposit("d", 5),
    )

    wallet = ledger.wallets[1]
    assert (wallet.day_stake, wallet.day_payout, wallet.balance) == (0, 0, 1035)


def test_a_win_with_a_fund_and_its_rollback_have_the_same_fund() -> None:
    ledger = MemoryLedger()
    funded = structs.replace(win("w", 30), fund=Fund.FREE_ROUND)

    paid, undone = ledger.decide(funded), ledger.decide(rollback("u", "w"))

    assert [decision.operations[0].fund for decision in (paid, undone)] == [
        "free_round",
        "free_round",
    ]


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
def test_the_strictest_state_applies(
    restrictions: Restrictions | None, is_blocked: bool, state: PlayerState
) -> None:
    assert player_state(restrictions, NOON, is_blocked=is_blocked) is state


@pytest.mark.parametrize(
    "restrictions",
    [None, Restrictions(stake=0), Restrictions(until=NOON, stake=1, turnover=2, loss=3)],
)
def test_restrictions_are_read_back_as_stored(
    restrictions: Restrictions | None,
) -> None:
    assert restrictions_from_json(restrictions_to_json(restrictions)) == restrictions


def test_no_restriction_is_stored_as_null() -> None:
    assert restrictions_to_json(Restrictions()) is None


def test_days_are_counted_from_1970_in_utc() -> None:
    assert business_day(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert business_day(NOON) == 20608


OPERATIONS: tuple[OwnOperation, ...] = (
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


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_own_operation_is_read_back_from_its_evidence(operation: OwnOperation) -> None:
    assert own_operation_from_bytes(own_operation_bytes(operation)) == operation


def test_different_own_operations_have_different_fingerprints() -> None:
    assert len({own_operation_fingerprint(operation) for operation in OPERATIONS}) == len(
        OPERATIONS
    )


def test_bytes_that_are_no_own_operation_are_refused() -> None:
    with pytest.raises(ValueError, match="an order is expected, one of Deposit, Withdrawal"):
        own_operation_from_bytes(b'{"order":"Gift"}')


def test_a_stake_that_the_turnover_has_no_room_for_is_refused_for_good() -> None:
    """It could never be written: put off, its provider would send it again for ever."""
    ledger = MemoryLedger()
    ledger.wallets[1] = structs.replace(ledger.wallets[1], turnover=STAKED_MAX - 100)

    assert refusal(ledger.decide(bet("b1", 101))) == (BLOCKED, "limit_books")
    assert refusal(ledger.decide(bet_and_win("k", 101, 500))) == (BLOCKED, "limit_books")
    assert ledger.decide(bet("b2", 100)).verdict is ACCEPTED
    assert refusal(ledger.decide(bet("b3", 1))) == (BLOCKED, "limit_books")


def test_stakes_of_a_day_have_no_room_either_where_older_ones_were_taken_back() -> None:
    ledger = MemoryLedger()
    today = business_day(NOON)
    full = structs.replace(ledger.wallets[1], day=today, day_stake=STAKED_MAX)
    ledger.wallets[1] = full

    assert refusal(ledger.decide(bet("b1", 1))) == (BLOCKED, "limit_books")
    assert ledger.decide(bet("b2", 1), at=NOON + timedelta(days=1)).verdict is ACCEPTED


def test_a_full_turnover_keeps_wins_rollbacks_and_bets_of_nothing() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("b1", 100))
    ledger.wallets[1] = structs.replace(ledger.wallets[1], turnover=STAKED_MAX)

    assert ledger.decide(win("w1", 30, bet_key="b1")).verdict is ACCEPTED
    assert ledger.decide(bet("b2", 0)).verdict is ACCEPTED
    assert ledger.decide(rollback("u1", "b1")).verdict is ACCEPTED
    assert ledger.decide(bet("b3", 100)).verdict is ACCEPTED
