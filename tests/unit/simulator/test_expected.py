"""The expected answers, on cases worked out by hand from the decision table."""

from simulator.protocol.messages import Call, Expectation, Kind, Player, Seen, Side
from simulator.scenarios.expected import Book

PLAYER = Player(
    player="p1",
    currency="USD",
    opening=1000,
    handles={
        Side.AGENT_PLATFORM: "player_p1",
        Side.AGGREGATOR: "SIM.p1",
        Side.SPORTSBOOK: "u-p1",
        Side.XIGS: "user-p1",
    },
)


def _call(side: Side, kind: Kind, reference: str, amount: int, **more: str | int) -> Call:
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


def _aggregator(kind: Kind, reference: str, amount: int) -> Call:
    return _call(Side.AGGREGATOR, kind, reference, amount)


def _sportsbook(kind: Kind, reference: str, amount: int, original: str = "") -> Call:
    return _call(Side.SPORTSBOOK, kind, reference, amount, original=original)


def _spin(reference: str, bet: int, win: int) -> Call:
    return _call(Side.AGENT_PLATFORM, Kind.BET_AND_WIN, reference, bet, payout=win)


def _undo(reference: str, original: str) -> Call:
    return _call(Side.AGENT_PLATFORM, Kind.ROLLBACK, reference, 0, original=original)


def _card(kind: Kind, reference: str, amount: int) -> Call:
    return _call(Side.XIGS, kind, reference, amount)


def _answers(*calls: Call) -> tuple[list[Expectation], int]:
    book = Book((PLAYER,))
    answers = [book.answer(call) for call in calls]
    return answers, book.balances["p1"]


def _seen(*calls: Call) -> tuple[list[Seen], int]:
    answers, balance = _answers(*calls)
    return [answer.seen for answer in answers], balance


def test_a_round_debits_credits_and_closes() -> None:
    answers, balance = _answers(
        _aggregator(Kind.BALANCE, "", 0),
        _aggregator(Kind.BET, "B1", 300),
        _aggregator(Kind.WIN, "B1", 450),
        _aggregator(Kind.ROUND_END, "B1", 300),
    )
    assert [answer.balance for answer in answers] == [1000, 700, 1150, 1150]
    assert balance == 1150


def test_a_repeat_gets_the_first_balance_again_and_moves_nothing() -> None:
    bet = _aggregator(Kind.BET, "B1", 300)
    answers, balance = _answers(bet, _aggregator(Kind.BET, "B2", 100), bet)
    assert answers[2] == Expectation(seen=Seen.SUCCESS, balance=700, repeated=True)
    assert balance == 600


def test_a_changed_repeat_is_a_conflict_and_moves_nothing() -> None:
    bet, changed = _aggregator(Kind.BET, "B1", 300), _aggregator(Kind.BET, "B1", 301)
    assert _seen(bet, changed) == ([Seen.SUCCESS, Seen.CONFLICT], 700)


def test_a_decline_is_final_even_after_the_player_has_won() -> None:
    bet = _sportsbook(Kind.BET, "T1", 1001)
    seen, balance = _seen(bet, _sportsbook(Kind.WIN, "T2", 500), bet)
    assert seen == [Seen.DECLINED, Seen.SUCCESS, Seen.DECLINED]
    assert balance == 1500


def test_an_aggregator_win_waits_for_its_bet() -> None:
    bet, win = _aggregator(Kind.BET, "B1", 300), _aggregator(Kind.WIN, "B1", 50)
    assert _seen(win, bet, win) == ([Seen.REFUSED, Seen.SUCCESS, Seen.SUCCESS], 750)


def test_a_sportsbook_result_needs_no_bet() -> None:
    assert _seen(_sportsbook(Kind.WIN, "T9", 40)) == ([Seen.SUCCESS], 1040)


def test_a_rollback_takes_amount_and_direction_from_its_original() -> None:
    bet, result = _sportsbook(Kind.BET, "T1", 300), _sportsbook(Kind.WIN, "T2", 900)
    undo_bet = _sportsbook(Kind.ROLLBACK, "R1", 1, original="T1")
    undo_result = _sportsbook(Kind.ROLLBACK, "R2", 1, original="T2")
    assert _seen(bet, result, undo_bet)[1] == 1900
    assert _seen(bet, result, undo_result)[1] == 700


def test_a_spent_result_taken_back_leaves_a_debt() -> None:
    seen, balance = _seen(
        _sportsbook(Kind.WIN, "T1", 500),
        _sportsbook(Kind.BET, "T2", 1500),
        _sportsbook(Kind.ROLLBACK, "R1", 500, original="T1"),
        _sportsbook(Kind.BET, "T3", 1),
    )
    assert seen == [Seen.SUCCESS, Seen.SUCCESS, Seen.SUCCESS, Seen.DECLINED]
    assert balance == -500


def test_a_second_rollback_under_another_id_moves_nothing() -> None:
    bet = _sportsbook(Kind.BET, "T1", 300)
    first = _sportsbook(Kind.ROLLBACK, "R1", 300, original="T1")
    second = _sportsbook(Kind.ROLLBACK, "R2", 300, original="T1")
    assert _seen(bet, first, second) == ([Seen.SUCCESS] * 3, 1000)


def test_a_rollback_that_came_first_neutralises_its_bet() -> None:
    undo = _sportsbook(Kind.ROLLBACK, "R1", 300, original="T1")
    bet = _sportsbook(Kind.BET, "T1", 300)
    assert _seen(undo, bet, bet) == ([Seen.SUCCESS, Seen.REFUSED, Seen.REFUSED], 1000)


def test_the_rollback_of_a_declined_bet_succeeds_and_moves_nothing() -> None:
    bet = _sportsbook(Kind.BET, "T1", 5000)
    undo = _sportsbook(Kind.ROLLBACK, "R1", 5000, original="T1")
    assert _seen(bet, undo, bet) == ([Seen.DECLINED, Seen.SUCCESS, Seen.DECLINED], 1000)


def test_a_stranger_is_refused() -> None:
    stranger = _call(Side.SPORTSBOOK, Kind.BET, "T1", 5, player=None, handle="nobody")  # type: ignore[arg-type]
    assert _seen(stranger) == ([Seen.REFUSED], 1000)


def test_the_sides_have_separate_keys() -> None:
    aggregator = _aggregator(Kind.BET, "X", 100)
    sportsbook = _sportsbook(Kind.BET, "X", 200)
    card = _card(Kind.BET, "X", 50)
    spin = _spin("X", 10, 0)
    assert _seen(aggregator, sportsbook, card, spin) == ([Seen.SUCCESS] * 4, 640)


def test_a_spin_moves_both_legs_as_one() -> None:
    answers, balance = _answers(_spin("M1", 300, 450), _spin("M2", 1150, 0))
    assert [answer.balance for answer in answers] == [1150, 0]
    assert balance == 0


def test_a_spin_beyond_the_means_is_declined_whatever_it_would_win() -> None:
    assert _seen(_spin("M1", 1001, 5000)) == ([Seen.DECLINED], 1000)


def test_a_free_spin_is_taken_from_a_player_in_debt() -> None:
    won, spent = _spin("M1", 0, 500), _spin("M2", 1500, 0)
    debt = [won, spent, _undo("M3", "M1")]
    assert _seen(*debt, _spin("M4", 0, 20))[1] == -480
    assert _seen(*debt, _spin("M5", 1, 20))[0][-1] is Seen.DECLINED


def test_the_rollback_of_a_spin_reverses_both_legs_once() -> None:
    spin, undo, again = _spin("M1", 300, 450), _undo("M2", "M1"), _undo("M3", "M1")
    assert _seen(spin, undo, again, spin) == ([Seen.SUCCESS] * 4, 1000)


def test_a_spin_that_was_undone_before_it_came_moves_nothing() -> None:
    undo, spin = _undo("M2", "M1"), _spin("M1", 300, 450)
    assert _seen(undo, spin) == ([Seen.SUCCESS, Seen.REFUSED], 1000)


def test_a_spin_repeated_with_another_win_is_a_conflict() -> None:
    assert _seen(_spin("M1", 5, 1), _spin("M1", 5, 2)) == ([Seen.SUCCESS, Seen.CONFLICT], 996)


def test_a_prize_waits_for_its_ticket_and_is_paid_once() -> None:
    ticket, prize = _card(Kind.BET, "R1", 300), _card(Kind.WIN, "R1", 50)
    seen, balance = _seen(prize, ticket, prize, prize)
    assert seen == [Seen.REFUSED, Seen.SUCCESS, Seen.SUCCESS, Seen.SUCCESS]
    assert balance == 750


def test_a_declined_ticket_has_no_prize() -> None:
    ticket, prize = _card(Kind.BET, "R1", 1001), _card(Kind.WIN, "R1", 50)
    assert _seen(ticket, prize) == ([Seen.DECLINED, Seen.REFUSED], 1000)
