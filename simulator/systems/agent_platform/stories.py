"""What players of the agent platform do: spins whose bet carries its win."""

from simulator.protocol.call_maker import PlayerSession, Story, StoryScript
from simulator.protocol.messages import Side
from simulator.scenarios.stories import bet_rolled_back, overdrawn, rolled_back_too_early


def spin(session: PlayerSession, side: Side) -> StoryScript:
    """A bet together with its win; the game often reads the balance first."""
    if session.chance(30):
        yield session.balance(side)
    yield session.bet(side)


def free_spin(session: PlayerSession, side: Side) -> StoryScript:
    """A win without a stake."""
    yield session.free_spin(side)


def spin_of_stranger(session: PlayerSession, side: Side) -> StoryScript:
    """A balance query and a bet for an unknown player."""
    yield session.by_stranger(session.balance(side))
    yield session.unknown(side)


STORIES: tuple[tuple[Story, int], ...] = (
    (spin, 68),
    (free_spin, 8),
    (bet_rolled_back, 12),
    (rolled_back_too_early, 6),
    (overdrawn, 5),
    (spin_of_stranger, 1),
)
