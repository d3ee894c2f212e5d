"""What providers do, as small stories: each yields calls and is told how they were answered.

A story knows what a sane provider knows: it never settles a bet that was declined. Delivery
faults that any call may suffer (repeats, changed repeats, copies at once) are laid over the
stories by ``noisy``.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from simulator.protocol.messages import Call, Expectation, ProviderSystem, ReplyKind
from simulator.scenarios.player_session import PlayerSession


@dataclass(frozen=True, slots=True)
class Send:
    """One call, sent ``copies`` times at once."""

    call: Call
    copies: int


StoryScript = Generator[Call, Expectation, None]
Sends = Generator[Send, Expectation, None]

#: Percent of movements that are delivered oddly; the rest are delivered once.
CONCURRENT_PERCENT = 3
REPEATED_PERCENT = 6
REPEATED_LATE_PERCENT = 4
CHANGED_PERCENT = 2
COPIES_MAX = 6


def noisy(stage: PlayerSession, story: StoryScript, late: list[Call]) -> Sends:
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


def _copies(stage: PlayerSession, call: Call) -> int:
    if call.key is not None and stage.chance(CONCURRENT_PERCENT):
        return stage.rng.randint(2, COPIES_MAX)
    return 1


def _repeats(stage: PlayerSession, call: Call, answer: Expectation, late: list[Call]) -> Sends:
    final = answer.seen in {ReplyKind.SUCCESS, ReplyKind.DECLINED}
    if call.key is None or not final:
        return
    if stage.chance(REPEATED_PERCENT):
        yield Send(call, 1)
    if stage.chance(CHANGED_PERCENT):
        yield Send(stage.changed(call), 1)
    if stage.chance(REPEATED_LATE_PERCENT):
        late.append(call)


def aggregator_round(stage: PlayerSession) -> StoryScript:
    """Bet, perhaps a win, round end."""
    bet = stage.bet(ProviderSystem.AGGREGATOR)
    answer = yield bet
    if answer.seen is ReplyKind.SUCCESS:
        yield from _settled(stage, bet, stage.win(bet))


def settled_too_early(stage: PlayerSession) -> StoryScript:
    """The win overtakes its bet, is refused, and comes again after it."""
    bet = stage.bet(ProviderSystem.AGGREGATOR)
    win = stage.win(bet)
    yield win
    answer = yield bet
    if answer.seen is ReplyKind.SUCCESS:
        yield win
        yield stage.round_end(bet, win.amount)


def asked_balance(stage: PlayerSession) -> StoryScript:
    """The aggregator reads the balance."""
    yield stage.balance(ProviderSystem.AGGREGATOR)


def sportsbook_bet(stage: PlayerSession) -> StoryScript:
    """A bet and, for some, a result: two transactions that do not name each other."""
    bet = stage.bet(ProviderSystem.SPORTSBOOK)
    answer = yield bet
    if answer.seen is ReplyKind.SUCCESS and stage.chance(55):
        yield stage.win(bet)


def bet_rolled_back(stage: PlayerSession) -> StoryScript:
    """A bet, accepted or declined, is taken back; for some once more under another id."""
    bet = (
        stage.bet(ProviderSystem.SPORTSBOOK)
        if stage.chance(80)
        else stage.overdrawn(ProviderSystem.SPORTSBOOK)
    )
    yield bet
    yield stage.rollback(bet)
    if stage.chance(40):
        yield stage.rollback(bet)


def result_rolled_back(stage: PlayerSession) -> StoryScript:
    """A result is taken back, even when the player has spent it."""
    bet = stage.bet(ProviderSystem.SPORTSBOOK)
    answer = yield bet
    if answer.seen is not ReplyKind.SUCCESS:
        return
    result = stage.win(bet)
    yield result
    yield stage.rollback(result)


def rolled_back_too_early(stage: PlayerSession) -> StoryScript:
    """The rollback overtakes its bet; the late bet must move nothing."""
    bet = stage.bet(ProviderSystem.SPORTSBOOK)
    yield stage.rollback(bet)
    yield bet


def aggregator_overdrawn(stage: PlayerSession) -> StoryScript:
    """A bet nobody can pay, sent again: a decline is final."""
    bet = stage.overdrawn(ProviderSystem.AGGREGATOR)
    yield bet
    yield bet


def sportsbook_overdrawn(stage: PlayerSession) -> StoryScript:
    """The same on the sportsbook."""
    bet = stage.overdrawn(ProviderSystem.SPORTSBOOK)
    yield bet
    yield bet


def aggregator_stranger(stage: PlayerSession) -> StoryScript:
    """A bet of an unknown player."""
    yield stage.unknown(ProviderSystem.AGGREGATOR)


def sportsbook_stranger(stage: PlayerSession) -> StoryScript:
    """The same on the sportsbook."""
    yield stage.unknown(ProviderSystem.SPORTSBOOK)


def spin(stage: PlayerSession) -> StoryScript:
    """A bet together with its win; the game often reads the balance first."""
    if stage.chance(30):
        yield stage.balance(ProviderSystem.AGENT_PLATFORM)
    yield stage.bet(ProviderSystem.AGENT_PLATFORM)


def free_spin(stage: PlayerSession) -> StoryScript:
    """A win without a stake."""
    yield stage.free_spin()


def spin_overdrawn(stage: PlayerSession) -> StoryScript:
    """A bet nobody can pay though its win would cover it, sent again: a decline is final."""
    spun = stage.overdrawn(ProviderSystem.AGENT_PLATFORM)
    yield spun
    yield spun


def spin_rolled_back(stage: PlayerSession) -> StoryScript:
    """Bet and win, accepted or declined, are both taken back; for some once more."""
    side = ProviderSystem.AGENT_PLATFORM
    spun = stage.bet(side) if stage.chance(80) else stage.overdrawn(side)
    yield spun
    yield stage.rollback(spun)
    if stage.chance(40):
        yield stage.rollback(spun)


def spin_rolled_back_too_early(stage: PlayerSession) -> StoryScript:
    """The rollback overtakes; the late bet and win must move nothing."""
    spun = stage.bet(ProviderSystem.AGENT_PLATFORM)
    yield stage.rollback(spun)
    yield spun


def spin_stranger(stage: PlayerSession) -> StoryScript:
    """A balance asked and a bet made for an unknown player."""
    side = ProviderSystem.AGENT_PLATFORM
    yield stage.by_stranger(stage.balance(side))
    yield stage.unknown(side)


def card(stage: PlayerSession) -> StoryScript:
    """A round opened with the ticket's price and closed with its prize."""
    ticket = stage.bet(ProviderSystem.XIGS)
    answer = yield ticket
    if answer.seen is ReplyKind.SUCCESS:
        yield stage.win(ticket)


def card_closed_too_early(stage: PlayerSession) -> StoryScript:
    """The prize overtakes the ticket, is refused, and comes again after it."""
    ticket = stage.bet(ProviderSystem.XIGS)
    prize = stage.win(ticket)
    yield prize
    answer = yield ticket
    if answer.seen is ReplyKind.SUCCESS:
        yield prize


def card_left_open(stage: PlayerSession) -> StoryScript:
    """A ticket that is never scratched."""
    yield stage.bet(ProviderSystem.XIGS)


def card_overdrawn(stage: PlayerSession) -> StoryScript:
    """A ticket nobody can pay, sent again: a decline is final."""
    ticket = stage.overdrawn(ProviderSystem.XIGS)
    yield ticket
    yield ticket


def card_stranger(stage: PlayerSession) -> StoryScript:
    """A ticket of an unknown player."""
    yield stage.unknown(ProviderSystem.XIGS)


def _settled(stage: PlayerSession, bet: Call, win: Call) -> StoryScript:
    # A lost round may be settled with nothing or only be ended.
    if win.amount > 0 or stage.chance(50):
        yield win
    yield stage.round_end(bet, win.amount)


Telling = Callable[[PlayerSession], StoryScript]

#: How often each story is told, by side, in relative weights.
STORIES: Mapping[ProviderSystem, tuple[tuple[Telling, int], ...]] = MappingProxyType(
    {
        ProviderSystem.AGENT_PLATFORM: (
            (spin, 68),
            (free_spin, 8),
            (spin_rolled_back, 12),
            (spin_rolled_back_too_early, 6),
            (spin_overdrawn, 5),
            (spin_stranger, 1),
        ),
        ProviderSystem.AGGREGATOR: (
            (aggregator_round, 80),
            (asked_balance, 10),
            (settled_too_early, 5),
            (aggregator_overdrawn, 4),
            (aggregator_stranger, 1),
        ),
        ProviderSystem.SPORTSBOOK: (
            (sportsbook_bet, 70),
            (bet_rolled_back, 12),
            (result_rolled_back, 6),
            (rolled_back_too_early, 6),
            (sportsbook_overdrawn, 5),
            (sportsbook_stranger, 1),
        ),
        ProviderSystem.XIGS: (
            (card, 82),
            (card_closed_too_early, 6),
            (card_left_open, 4),
            (card_overdrawn, 6),
            (card_stranger, 2),
        ),
    }
)


def told(stage: PlayerSession, sides: tuple[ProviderSystem, ...]) -> StoryScript:
    """Choose one story of one of the sides and begin it."""
    choices = STORIES[stage.rng.choice(sides)]
    tellings = [telling for telling, _ in choices]
    weights = [weight for _, weight in choices]
    return stage.rng.choices(tellings, weights)[0](stage)
