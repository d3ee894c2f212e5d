"""What players of the aggregator do: rounds of a bet, perhaps a win, and an end."""

from simulator.protocol.call_maker import PlayerSession, Story, StoryScript
from simulator.protocol.messages import Call, ReplyKind, Side
from simulator.scenarios.stories import balance_query, overdrawn, stranger


def round_of_bet(session: PlayerSession, side: Side) -> StoryScript:
    """Bet, perhaps a win, round end."""
    bet = session.bet(side)
    expected = yield bet
    if expected.seen is ReplyKind.SUCCESS:
        yield from _settled(session, bet, session.win(bet))


def settled_too_early(session: PlayerSession, side: Side) -> StoryScript:
    """The win overtakes its bet, is refused, and comes again after it."""
    bet = session.bet(side)
    win = session.win(bet)
    yield win
    expected = yield bet
    if expected.seen is ReplyKind.SUCCESS:
        yield win
        yield session.round_end(bet, win.amount)


def _settled(session: PlayerSession, bet: Call, win: Call) -> StoryScript:
    # A lost round may be settled with nothing or only be ended.
    if win.amount > 0 or session.chance(50):
        yield win
    yield session.round_end(bet, win.amount)


STORIES: tuple[tuple[Story, int], ...] = (
    (round_of_bet, 80),
    (balance_query, 10),
    (settled_too_early, 5),
    (overdrawn, 4),
    (stranger, 1),
)
