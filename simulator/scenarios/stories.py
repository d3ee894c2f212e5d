"""Stories: what players do, and the delivery faults laid over it.

A story yields calls and is sent the expected reply to each. It knows what a sane provider
knows: it never settles a bet that was declined. Each system has its own stories; those that
several share are here. Delivery faults that any call may suffer (repeats, changed repeats,
copies at once) are added by ``noisy``.
"""

from collections.abc import Generator
from dataclasses import dataclass

from simulator.protocol.call_maker import PlayerSession, StoryScript
from simulator.protocol.messages import Call, Expectation, ReplyKind, Side
from simulator.protocol.system import System


@dataclass(frozen=True, slots=True)
class Send:
    """One call, sent ``copies`` times at once."""

    call: Call
    copies: int


Sends = Generator[Send, Expectation, None]

#: Percent of movements that are delivered oddly; the rest are delivered once.
CONCURRENT_PERCENT = 3
REPEATED_PERCENT = 6
REPEATED_LATE_PERCENT = 4
CHANGED_PERCENT = 2
COPIES_MAX = 6


def begin_story(session: PlayerSession, systems: tuple[System, ...]) -> StoryScript:
    """Choose one story of one of the systems and begin it."""
    system = session.rng.choice(systems)
    stories = [story for story, _ in system.stories]
    weights = [weight for _, weight in system.stories]
    return session.rng.choices(stories, weights)[0](session, system)


def noisy(session: PlayerSession, story: StoryScript, late: list[Call]) -> Sends:
    """Deliver a story's calls with the delivery faults of the real world.

    Args:
        session: the player the story is about.
        story: the calls in their order.
        late: calls to repeat some time later; appended to.
    """
    expected: Expectation | None = None
    while True:
        try:
            call = next(story) if expected is None else story.send(expected)
        except StopIteration:
            return
        expected = yield Send(call, _copies(session, call))
        yield from _repeats(session, call, expected, late)


def overdrawn(session: PlayerSession, side: Side) -> StoryScript:
    """A bet nobody can pay, sent again: a decline is final."""
    bet = session.overdrawn(side)
    yield bet
    yield bet


def stranger(session: PlayerSession, side: Side) -> StoryScript:
    """A bet of an unknown player."""
    yield session.unknown(side)


def balance_query(session: PlayerSession, side: Side) -> StoryScript:
    """The side reads the balance."""
    yield session.balance(side)


def settled_bet(session: PlayerSession, side: Side) -> StoryScript:
    """A bet and, for some, a win under an id of its own."""
    bet = session.bet(side)
    expected = yield bet
    if expected.seen is ReplyKind.SUCCESS and session.chance(55):
        yield session.win(bet)


def bet_rolled_back(session: PlayerSession, side: Side) -> StoryScript:
    """A bet, accepted or declined, is taken back; for some once more under another id."""
    bet = session.bet(side) if session.chance(80) else session.overdrawn(side)
    yield bet
    yield session.rollback(bet)
    if session.chance(40):
        yield session.rollback(bet)


def win_rolled_back(session: PlayerSession, side: Side) -> StoryScript:
    """A win is taken back, even when the player has spent it."""
    bet = session.bet(side)
    expected = yield bet
    if expected.seen is not ReplyKind.SUCCESS:
        return
    win = session.win(bet)
    yield win
    yield session.rollback(win)


def rolled_back_too_early(session: PlayerSession, side: Side) -> StoryScript:
    """The rollback overtakes its bet; the late bet must move nothing."""
    bet = session.bet(side)
    yield session.rollback(bet)
    yield bet


def _copies(session: PlayerSession, call: Call) -> int:
    if call.key is not None and session.chance(CONCURRENT_PERCENT):
        return session.rng.randint(2, COPIES_MAX)
    return 1


def _repeats(
    session: PlayerSession, call: Call, expected: Expectation, late: list[Call]
) -> Sends:
    final = expected.seen in {ReplyKind.SUCCESS, ReplyKind.DECLINED}
    if call.key is None or not final:
        return
    if session.chance(REPEATED_PERCENT):
        yield Send(call, 1)
    if session.chance(CHANGED_PERCENT):
        yield Send(session.changed(call), 1)
    if session.chance(REPEATED_LATE_PERCENT):
        late.append(call)
