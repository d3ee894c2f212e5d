"""What players of scratch cards do: buy a ticket, and scratch it."""

from simulator.protocol.call_maker import PlayerSession, Story, StoryScript
from simulator.protocol.messages import ReplyKind, Side
from simulator.scenarios.stories import overdrawn, stranger


def card(session: PlayerSession, side: Side) -> StoryScript:
    """A round opened with the ticket's price and closed with its prize."""
    ticket = session.bet(side)
    expected = yield ticket
    if expected.seen is ReplyKind.SUCCESS:
        yield session.win(ticket)


def card_closed_too_early(session: PlayerSession, side: Side) -> StoryScript:
    """The prize overtakes the ticket, is refused, and comes again after it."""
    ticket = session.bet(side)
    prize = session.win(ticket)
    yield prize
    expected = yield ticket
    if expected.seen is ReplyKind.SUCCESS:
        yield prize


def card_left_open(session: PlayerSession, side: Side) -> StoryScript:
    """A ticket that is never scratched."""
    yield session.bet(side)


STORIES: tuple[tuple[Story, int], ...] = (
    (card, 82),
    (card_closed_too_early, 6),
    (card_left_open, 4),
    (overdrawn, 6),
    (stranger, 2),
)
