"""What players of the hub do: rounds with any number of wins, closed by the last call."""

from dataclasses import replace

from simulator.protocol.call_maker import PlayerSession, Story, StoryScript
from simulator.protocol.messages import ReplyKind, Side
from simulator.scenarios.stories import (
    balance_query,
    bet_rolled_back,
    overdrawn,
    rolled_back_too_early,
    stranger,
    win_rolled_back,
)

#: Wins of one round, at most: a slot whose symbols fall pays after each fall.
WINS_MAX = 4


def spin(session: PlayerSession, side: Side) -> StoryScript:
    """A bet and its wins; the last of them closes the round, or the bet that lost it."""
    if session.chance(30):
        yield session.balance(side)
    wins = session.rng.randint(0, WINS_MAX)
    bet = replace(session.bet(side), closes=wins == 0)
    expected = yield bet
    if expected.seen is not ReplyKind.SUCCESS:
        return
    for number in range(wins):
        yield replace(session.win(bet), closes=number == wins - 1)


def win_of_undone_bet(session: PlayerSession, side: Side) -> StoryScript:
    """A bet is taken back, and a win that was on its way comes all the same."""
    bet = session.bet(side)
    yield bet
    yield session.rollback(bet)
    yield session.win(bet)


STORIES: tuple[tuple[Story, int], ...] = (
    (spin, 65),
    (balance_query, 5),
    (bet_rolled_back, 10),
    (win_rolled_back, 6),
    (win_of_undone_bet, 3),
    (rolled_back_too_early, 5),
    (overdrawn, 5),
    (stranger, 1),
)
