"""The expected replies, on cases worked out by hand from the decision table."""

from typing import Any

from simulator.protocol.messages import Call, CallKind, Expectation, Player, ReplyKind
from simulator.protocol.system import System
from simulator.scenarios.expected_replies import ExpectedLedger
from tests.harness.providers.systems import AGENT_PLATFORM, AGGREGATOR, SPORTSBOOK, XIGS

PLAYER = Player(
    player="p1",
    currency="USD",
    opening=1000,
    handles={
        AGENT_PLATFORM: "player_p1",
        AGGREGATOR: "SIM.p1",
        SPORTSBOOK: "u-p1",
        XIGS: "user-p1",
    },
)


def _call(side: System, kind: CallKind, reference: str, amount: int, **more: str | int) -> Call:
    fields: dict[str, str | int | None] = {
        "player": "p1",
        "handle": PLAYER.handles[side],
        "currency": "USD",
        "stake": 0,
        "payout": 0,
        "original": "",
        **more,
    }
    return Call(side=side, kind=kind, reference=reference, amount=amount, **fields)  # type: ignore[arg-type]


def _aggregator(kind: CallKind, reference: str, amount: int) -> Call:
    return _call(AGGREGATOR, kind, reference, amount)


def _sportsbook(kind: CallKind, reference: str, amount: int, original: str = "") -> Call:
    return _call(SPORTSBOOK, kind, reference, amount, original=original)


def _spin(reference: str, bet: int, win: int) -> Call:
    return _call(AGENT_PLATFORM, CallKind.BET_AND_WIN, reference, bet, payout=win)


def _undo(reference: str, original: str) -> Call:
    return _call(AGENT_PLATFORM, CallKind.ROLLBACK, reference, 0, original=original)


def _card(kind: CallKind, reference: str, amount: int) -> Call:
    return _call(XIGS, kind, reference, amount)


def _replies(*calls: Call) -> tuple[list[Expectation], int]:
    book = ExpectedLedger((PLAYER,))
    replies = [book.decide(call) for call in calls]
    return replies, book.balances["p1"]


def _seen(*calls: Call) -> tuple[list[ReplyKind], int]:
    replies, balance = _replies(*calls)
    return [reply.seen for reply in replies], balance


def test_a_round_debits_credits_and_closes() -> None:
    replies, balance = _replies(
        _aggregator(CallKind.BALANCE, "", 0),
        _aggregator(CallKind.BET, "B1", 300),
        _aggregator(CallKind.WIN, "B1", 450),
        _aggregator(CallKind.ROUND_END, "B1", 300),
    )
    assert [reply.balance for reply in replies] == [1000, 700, 1150, 1150]
    assert balance == 1150


def test_a_repeat_gets_the_first_balance_again_and_moves_nothing() -> None:
    bet = _aggregator(CallKind.BET, "B1", 300)
    replies, balance = _replies(bet, _aggregator(CallKind.BET, "B2", 100), bet)
    assert replies[2] == Expectation(seen=ReplyKind.SUCCESS, balance=700, repeated=True)
    assert balance == 600


def test_a_changed_repeat_is_a_conflict_and_moves_nothing() -> None:
    bet, changed = _aggregator(CallKind.BET, "B1", 300), _aggregator(CallKind.BET, "B1", 301)
    assert _seen(bet, changed) == ([ReplyKind.SUCCESS, ReplyKind.CONFLICT], 700)


def test_a_decline_is_final_even_after_the_player_has_won() -> None:
    bet = _sportsbook(CallKind.BET, "T1", 1001)
    seen, balance = _seen(bet, _sportsbook(CallKind.WIN, "T2", 500), bet)
    assert seen == [ReplyKind.DECLINED, ReplyKind.SUCCESS, ReplyKind.DECLINED]
    assert balance == 1500


def test_an_aggregator_win_waits_for_its_bet() -> None:
    bet, win = _aggregator(CallKind.BET, "B1", 300), _aggregator(CallKind.WIN, "B1", 50)
    assert _seen(win, bet, win) == (
        [ReplyKind.REFUSED, ReplyKind.SUCCESS, ReplyKind.SUCCESS],
        750,
    )


def test_a_sportsbook_result_needs_no_bet() -> None:
    assert _seen(_sportsbook(CallKind.WIN, "T9", 40)) == ([ReplyKind.SUCCESS], 1040)


def test_a_rollback_takes_amount_and_direction_from_its_original() -> None:
    bet, result = _sportsbook(CallKind.BET, "T1", 300), _sportsbook(CallKind.WIN, "T2", 900)
    undo_bet = _sportsbook(CallKind.ROLLBACK, "R1", 1, original="T1")
    undo_result = _sportsbook(CallKind.ROLLBACK, "R2", 1, original="T2")
    assert _seen(bet, result, undo_bet)[1] == 1900
    assert _seen(bet, result, undo_result)[1] == 700


def test_a_spent_result_taken_back_leaves_a_debt() -> None:
    seen, balance = _seen(
        _sportsbook(CallKind.WIN, "T1", 500),
        _sportsbook(CallKind.BET, "T2", 1500),
        _sportsbook(CallKind.ROLLBACK, "R1", 500, original="T1"),
        _sportsbook(CallKind.BET, "T3", 1),
    )
    assert seen == [ReplyKind.SUCCESS, ReplyKind.SUCCESS, ReplyKind.SUCCESS, ReplyKind.DECLINED]
    assert balance == -500


def test_a_second_rollback_under_another_id_moves_nothing() -> None:
    bet = _sportsbook(CallKind.BET, "T1", 300)
    first = _sportsbook(CallKind.ROLLBACK, "R1", 300, original="T1")
    second = _sportsbook(CallKind.ROLLBACK, "R2", 300, original="T1")
    assert _seen(bet, first, second) == ([ReplyKind.SUCCESS] * 3, 1000)


def test_a_rollback_that_came_first_neutralises_its_bet() -> None:
    undo = _sportsbook(CallKind.ROLLBACK, "R1", 300, original="T1")
    bet = _sportsbook(CallKind.BET, "T1", 300)
    assert _seen(undo, bet, bet) == (
        [ReplyKind.SUCCESS, ReplyKind.REFUSED, ReplyKind.REFUSED],
        1000,
    )


def test_the_rollback_of_a_declined_bet_succeeds_and_moves_nothing() -> None:
    bet = _sportsbook(CallKind.BET, "T1", 5000)
    undo = _sportsbook(CallKind.ROLLBACK, "R1", 5000, original="T1")
    assert _seen(bet, undo, bet) == (
        [ReplyKind.DECLINED, ReplyKind.SUCCESS, ReplyKind.DECLINED],
        1000,
    )


def test_a_stranger_is_refused() -> None:
    unknown: Any = None
    stranger = _call(SPORTSBOOK, CallKind.BET, "T1", 5, player=unknown, handle="nobody")
    assert _seen(stranger) == ([ReplyKind.REFUSED], 1000)


def test_the_sides_have_separate_keys() -> None:
    aggregator = _aggregator(CallKind.BET, "X", 100)
    sportsbook = _sportsbook(CallKind.BET, "X", 200)
    card = _card(CallKind.BET, "X", 50)
    spin = _spin("X", 10, 0)
    assert _seen(aggregator, sportsbook, card, spin) == ([ReplyKind.SUCCESS] * 4, 640)


def test_a_spin_moves_both_legs_as_one() -> None:
    replies, balance = _replies(_spin("M1", 300, 450), _spin("M2", 1150, 0))
    assert [reply.balance for reply in replies] == [1150, 0]
    assert balance == 0


def test_a_spin_beyond_the_means_is_declined_whatever_it_would_win() -> None:
    assert _seen(_spin("M1", 1001, 5000)) == ([ReplyKind.DECLINED], 1000)


def test_a_free_spin_is_taken_from_a_player_in_debt() -> None:
    won, spent = _spin("M1", 0, 500), _spin("M2", 1500, 0)
    debt = [won, spent, _undo("M3", "M1")]
    assert _seen(*debt, _spin("M4", 0, 20))[1] == -480
    assert _seen(*debt, _spin("M5", 1, 20))[0][-1] is ReplyKind.DECLINED


def test_the_rollback_of_a_spin_reverses_both_legs_once() -> None:
    spin, undo, again = _spin("M1", 300, 450), _undo("M2", "M1"), _undo("M3", "M1")
    assert _seen(spin, undo, again, spin) == ([ReplyKind.SUCCESS] * 4, 1000)


def test_a_spin_that_was_undone_before_it_came_moves_nothing() -> None:
    undo, spin = _undo("M2", "M1"), _spin("M1", 300, 450)
    assert _seen(undo, spin) == ([ReplyKind.SUCCESS, ReplyKind.REFUSED], 1000)


def test_a_spin_repeated_with_another_win_is_a_conflict() -> None:
    assert _seen(_spin("M1", 5, 1), _spin("M1", 5, 2)) == (
        [ReplyKind.SUCCESS, ReplyKind.CONFLICT],
        996,
    )


def test_a_prize_waits_for_its_ticket_and_is_paid_once() -> None:
    ticket, prize = _card(CallKind.BET, "R1", 300), _card(CallKind.WIN, "R1", 50)
    seen, balance = _seen(prize, ticket, prize, prize)
    assert seen == [ReplyKind.REFUSED, ReplyKind.SUCCESS, ReplyKind.SUCCESS, ReplyKind.SUCCESS]
    assert balance == 750


def test_a_declined_ticket_has_no_prize() -> None:
    ticket, prize = _card(CallKind.BET, "R1", 1001), _card(CallKind.WIN, "R1", 50)
    assert _seen(ticket, prize) == ([ReplyKind.DECLINED, ReplyKind.REFUSED], 1000)
