"""A run, whole, from a seed: the players, every call in order, and how each must be replied to.

Pure: the same arguments give the same plan, byte for byte. Calls of one player keep their order
whatever the number of connections, so every reply is known before the first byte is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from simulator.protocol.call_maker import IdMint, PlayerSession, plain_call
from simulator.protocol.messages import (
    Call,
    CallKind,
    Expectation,
    Player,
    ReplyKind,
    ScriptStep,
    Side,
)
from simulator.protocol.system import System
from simulator.scenarios.expected_replies import ExpectedLedger
from simulator.scenarios.stories import Send, Sends, begin_story, noisy
from vocabulary.currencies import ISO_ONLY, digits_of

#: Openings in whole currency units; the low end makes declines that nobody has planned.
OPENING_UNITS_MIN = 5
OPENING_UNITS_MAX = 400
#: Stories one player is in the middle of at once.
STORIES_AT_ONCE = 2
#: The last part of a run opens no new stories, so that few rounds are left open at its end.
CLOSING_PERCENT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run.

    Attributes:
        steps: every step in global order; ``copies`` of all of them sum to the callbacks asked.
        balances: the expected balance of each player at the end, in minor units.
    """

    seed: int
    systems: tuple[System, ...]
    players: tuple[Player, ...]
    steps: tuple[ScriptStep, ...]
    balances: Mapping[str, int]

    @property
    def callbacks(self) -> int:
        """How many callbacks the run delivers, repeats and copies included."""
        return sum(step.copies for step in self.steps)


def make_plan(
    *, seed: int, callbacks: int, players: int, systems: tuple[System, ...], currency: str
) -> Plan:
    """Write the script of one run.

    Args:
        seed: decides everything; also part of every player name and provider id.
        callbacks: exactly how many callbacks are delivered, repeats included; at least 0.
        players: how many players take part; at least 1.
        systems: those that call; at least one.
        currency: of every player.
    """
    rng = Random(seed)  # noqa: S311 - a script, not a secret
    people = tuple(_player(rng, seed, number, currency, systems) for number in range(players))
    book = ExpectedLedger(people)
    writer = _Writer(rng=rng, seed=seed, people=people, systems=systems, book=book)
    steps = writer.write(callbacks)
    return Plan(
        seed=seed, systems=systems, players=people, steps=steps, balances=dict(book.balances)
    )


def final_balance_queries(plan: Plan) -> tuple[ScriptStep, ...]:
    """A balance query per player for after the run, by the sides that ask in turn."""
    asking = [system for system in plan.systems if system.asks_balances]
    if not asking:
        return ()
    return tuple(
        _question(plan, lane, asking[lane % len(asking)]) for lane in range(len(plan.players))
    )


def _question(plan: Plan, lane: int, side: Side) -> ScriptStep:
    player = plan.players[lane]
    call = plain_call(player, side, CallKind.BALANCE, "", 0)
    balance = plan.balances[player.player]
    return ScriptStep(
        lane=lane,
        call=replace(call, attempt=len(plan.steps) + lane),
        copies=1,
        expected=Expectation(seen=ReplyKind.BALANCE, balance=balance, repeated=False),
    )


def _player(
    rng: Random, seed: int, number: int, currency: str, systems: tuple[System, ...]
) -> Player:
    unit = int(10 ** digits_of(currency, ISO_ONLY))
    name = f"s{seed}-p{number:05d}"
    opening = rng.randint(OPENING_UNITS_MIN * unit, OPENING_UNITS_MAX * unit)
    handles: dict[Side, str] = {system: f"{system.handle_prefix}{name}" for system in systems}
    return Player(player=name, currency=currency, opening=opening, handles=handles)


class _Lane:
    """One player's open stories and the calls it will repeat later."""

    def __init__(self, session: PlayerSession, systems: tuple[System, ...]) -> None:
        self._session = session
        self._systems = systems
        self._open: list[tuple[Sends, Expectation | None]] = []
        self._late: list[Call] = []

    def idle(self) -> bool:
        """Nothing is left to finish or repeat."""
        return not self._open and not self._late

    def next_send(self, *, closing: bool) -> tuple[Send, Sends | None] | None:
        """The next call, with the story that waits for its reply; None when a story ended."""
        if self._late and (closing or self._session.chance(15)):
            return Send(self._late.pop(0), 1), None
        if not closing and len(self._open) < STORIES_AT_ONCE and self._wants_more():
            self._begin()
        if not self._open:
            return None
        place = self._session.rng.randrange(len(self._open))
        story, expected = self._open.pop(place)
        try:
            send = next(story) if expected is None else story.send(expected)
        except StopIteration:
            return None
        return send, story

    def resume(self, story: Sends, expected: Expectation) -> None:
        """Let a story go on with the expected reply to its call."""
        self._open.append((story, expected))

    def _wants_more(self) -> bool:
        return not self._open or self._session.chance(20)

    def _begin(self) -> None:
        story = begin_story(self._session, self._systems)
        self._open.append((noisy(self._session, story, self._late), None))


class _Writer:
    """Writes the global script, one step at a time."""

    def __init__(
        self,
        *,
        rng: Random,
        seed: int,
        people: tuple[Player, ...],
        systems: tuple[System, ...],
        book: ExpectedLedger,
    ) -> None:
        mint = IdMint(seed=seed)
        self._rng = rng
        self._book = book
        sessions = [
            PlayerSession(rng=rng, mint=mint, balances=book.balances, player=player)
            for player in people
        ]
        self._lanes = [_Lane(session, systems) for session in sessions]
        self._steps: list[ScriptStep] = []
        self._left = 0

    def write(self, callbacks: int) -> tuple[ScriptStep, ...]:
        """Exactly ``callbacks`` deliveries; what is open at the cut stays open."""
        self._left = callbacks
        closing_at = callbacks * CLOSING_PERCENT // 100
        while self._left > closing_at:
            self._advance(self._rng.randrange(len(self._lanes)), closing=False)
        busy = [number for number, lane in enumerate(self._lanes) if not lane.idle()]
        while self._left > 0 and busy:
            number = self._rng.choice(busy)
            self._advance(number, closing=True)
            if self._lanes[number].idle():
                busy.remove(number)
        self._fill()
        return tuple(self._steps)

    def _advance(self, number: int, *, closing: bool) -> None:
        lane = self._lanes[number]
        ready = lane.next_send(closing=closing)
        if ready is None:
            return
        send, story = ready
        expected = self._take(number, send)
        if story is not None:
            lane.resume(story, expected)

    def _fill(self) -> None:
        # When every story is over, only repeats remain: they move nothing.
        understood = [
            step for step in self._steps if step.expected.seen is not ReplyKind.REFUSED
        ]
        while self._left > 0:
            step = self._rng.choice(understood or self._steps)
            self._take(step.lane, Send(step.call, 1))

    def _take(self, lane: int, send: Send) -> Expectation:
        expected = self._book.decide(send.call)
        copies = min(send.copies, self._left)
        call = replace(send.call, attempt=len(self._steps))
        self._steps.append(ScriptStep(lane=lane, call=call, copies=copies, expected=expected))
        self._left -= copies
        return expected
