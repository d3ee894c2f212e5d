"""What providers do, as small stories: each yields calls and is told how they were answered.

A story knows what a sane provider knows: it never settles a bet that was declined. Delivery
faults that any call may suffer (repeats, changed repeats, copies at once) are laid over the
stories by ``noisy``.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from simulator.protocol.messages import Call, Expectation, Seen, Side
from simulator.scenarios.player_session import Stage


@dataclass(frozen=True, slots=True)
class Send:
    """One call, sent ``copies`` times at once."""

    call: Call
    copies: int


Story = Generator[Call, Expectation, None]
Sends = Generator[Send, Expectation, None]

#: Percent of movements that are delivered oddly; the rest are delivered once.
CONCURRENT_PERCENT = 3
REPEATED_PERCENT = 6
REPEATED_LATE_PERCENT = 4
CHANGED_PERCENT = 2
COPIES_MAX = 6


def noisy(stage: Stage, story: Story, late: list[Call]) -> Sends:
    """Deliver a story's calls with the delivery faults of the real world.

    Args:
        stage: the player the story is about.
        story: the calls in their order.
        late: calls to repeat some time later; appended to.
    """
    answer: Expectation | None = None
    while True:
        try:
            call = next(story) if answer is None else story.send(answer)
        except StopIteration:
            return
        answer = yield Send(call, _copies(stage, call))
        yield from _repeats(stage, call, answer, late)


def _copies(stage: Stage, call: Call) -> int:
    if call.key is not None and stage.chance(CONCURRENT_PERCENT):
        return stage.rng.randint(2, COPIES_MAX)
    return 1


def _repeats(stage: Stage, call: Call, answer: Expectation, late: list[Call]) -> Sends:
    final = answer.seen in {Seen.SUCCESS, Seen.DECLINED}
    if call.key is None or not final:
        return
    if stage.chance(REPEATED_PERCENT):
        yield Send(call, 1)
    if stage.chance(CHANGED_PERCENT):
        yield Send(stage.changed(call), 1)
    if stage.chance(REPEATED_LATE_PERCENT):
        late.append(call)


def aggregator_round(stage: Stage) -> Story:
    """Bet, perhaps a win, round end."""
    bet = stage.bet(Side.AGGREGATOR)
    answer = yield bet
    if answer.seen is Seen.SUCCESS:
        yield from _settled(stage, bet, stage.win(bet))


def settled_too_early(stage: Stage) -> Story:
    """The win overtakes its bet, is refused, and comes again after it."""
    bet = stage.bet(Side.AGGREGATOR)
    win = stage.win(bet)
    yield win
    answer = yield bet
    if answer.seen is Seen.SUCCESS:
        yield win
        yield stage.round_end(bet, win.amount)


def asked_balance(stage: Stage) -> Story:
    """The aggregator reads the balance."""
    yield stage.balance(Side.AGGREGATOR)


def sportsbook_bet(stage: Stage) -> Story:
    """A bet and, for some, a result: two transactions that do not name each other."""
    bet = stage.bet(Side.SPORTSBOOK)
    answer = yield bet
    if answer.seen is Seen.SUCCESS and stage.chance(55):
        yield stage.win(bet)


def bet_rolled_back(stage: Stage) -> Story:
    """A bet, accepted or declined, is taken back; for some once more under another id."""
    bet = stage.bet(Side.SPORTSBOOK) if stage.chance(80) else stage.overdrawn(Side.SPORTSBOOK)
    yield bet
    yield stage.rollback(bet)
    if stage.chance(40):
        yield stage.rollback(bet)


def result_rolled_back(stage: Stage) -> Story:
    """A result is taken back, even when the player has spent it."""
    bet = stage.bet(Side.SPORTSBOOK)
    answer = yield bet
    if answer.seen is not Seen.SUCCESS:
        return
    result = stage.win(bet)
    yield result
    yield stage.rollback(result)


def rolled_back_too_early(stage: Stage) -> Story:
    """The rollback overtakes its bet; the late bet must move nothing."""
    bet = stage.bet(Side.SPORTSBOOK)
    yield stage.rollback(bet)
    yield bet


def aggregator_overdrawn(stage: Stage) -> Story:
    """A bet nobody can pay, sent again: a decline is final."""
    bet = stage.overdrawn(Side.AGGREGATOR)
    yield bet
    yield bet


def sportsbook_overdrawn(stage: Stage) -> Story:
    """The same on the sportsbook."""
    bet = stage.overdrawn(Side.SPORTSBOOK)
    yield bet
    yield bet


def aggregator_stranger(stage: Stage) -> Story:
    """A bet of an unknown player."""
    yield stage.unknown(Side.AGGREGATOR)


def sportsbook_stranger(stage: Stage) -> Story:
    """The same on the sportsbook."""
    yield stage.unknown(Side.SPORTSBOOK)


def spin(stage: Stage) -> Story:
    """A bet together with its win; the game often reads the balance first."""
    if stage.chance(30):
        yield stage.balance(Side.AGENT_PLATFORM)
    yield stage.bet(Side.AGENT_PLATFORM)


def free_spin(stage: Stage) -> Story:
    """A win without a stake."""
    yield stage.free_spin()


def spin_overdrawn(stage: Stage) -> Story:
    """A bet nobody can pay though its win would cover it, sent again: a decline is final."""
    spun = stage.overdrawn(Side.AGENT_PLATFORM)
    yield spun
    yield spun


def spin_rolled_back(stage: Stage) -> Story:
    """Bet and win, accepted or declined, are both taken back; for some once more."""
    side = Side.AGENT_PLATFORM
    spun = stage.bet(side) if stage.chance(80) else stage.overdrawn(side)
    yield spun
    yield stage.rollback(spun)
    if stage.chance(40):
        yield stage.rollback(spun)


def spin_rolled_back_too_early(stage: Stage) -> Story:
    """The rollback overtakes; the late bet and win must move nothing."""
    spun = stage.bet(Side.AGENT_PLATFORM)
    yield stage.rollback(spun)
    yield spun


def spin_stranger(stage: Stage) -> Story:
    """A balance asked and a bet made for an unknown player."""
    side = Side.AGENT_PLATFORM
    yield stage.by_stranger(stage.balance(side))
    yield stage.unknown(side)


def card(stage: Stage) -> Story:
    """A round opened with the ticket's price and closed with its prize."""
    ticket = stage.bet(Side.XIGS)
    answer = yield ticket
    if answer.seen is Seen.SUCCESS:
        yield stage.win(ticket)


def card_closed_too_early(stage: Stage) -> Story:
    """The prize overtakes the ticket, is refused, and comes again after it."""
    ticket = stage.bet(Side.XIGS)
    prize = stage.win(ticket)
    yield prize
    answer = yield ticket
    if answer.seen is Seen.SUCCESS:
        yield prize


def card_left_open(stage: Stage) -> Story:
    """A ticket that is never scratched."""
    yield stage.bet(Side.XIGS)


def card_overdrawn(stage: Stage) -> Story:
    """A ticket nobody can pay, sent again: a decline is final."""
    ticket = stage.overdrawn(Side.XIGS)
    yield ticket
    yield ticket


def card_stranger(stage: Stage) -> Story:
    """A ticket of an unknown player."""
    yield stage.unknown(Side.XIGS)


def _settled(stage: Stage, bet: Call, win: Call) -> Story:
    # A lost round may be settled with nothing or only be ended.
    if win.amount > 0 or stage.chance(50):
        yield win
    yield stage.round_end(bet, win.amount)


Telling = Callable[[Stage], Story]

#: How often each story is told, by side, in relative weights.
STORIES: Mapping[Side, tuple[tuple[Telling, int], ...]] = MappingProxyType(
    {
        Side.AGENT_PLATFORM: (
            (spin, 68),
            (free_spin, 8),
            (spin_rolled_back, 12),
            (spin_rolled_back_too_early, 6),
            (spin_overdrawn, 5),
            (spin_stranger, 1),
        ),
        Side.AGGREGATOR: (
            (aggregator_round, 80),
            (asked_balance, 10),
            (settled_too_early, 5),
            (aggregator_overdrawn, 4),
            (aggregator_stranger, 1),
        ),
        Side.SPORTSBOOK: (
            (sportsbook_bet, 70),
            (bet_rolled_back, 12),
            (result_rolled_back, 6),
            (rolled_back_too_early, 6),
            (sportsbook_overdrawn, 5),
            (sportsbook_stranger, 1),
        ),
        Side.XIGS: (
            (card, 82),
            (card_closed_too_early, 6),
            (card_left_open, 4),
            (card_overdrawn, 6),
            (card_stranger, 2),
        ),
    }
)


def told(stage: Stage, sides: tuple[Side, ...]) -> Story:
    """Choose one story of one of the sides and begin it."""
    choices = STORIES[stage.rng.choice(sides)]
    tellings = [telling for telling, _ in choices]
    weights = [weight for _, weight in choices]
    return stage.rng.choices(tellings, weights)[0](stage)
