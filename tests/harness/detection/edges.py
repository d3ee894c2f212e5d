"""Sessions over a midnight at the provider whose history names none of our rounds.

Clocks put rounds on the other side of the edge between two days, in either direction, with and
without something wrong about them. What each of the two days must say is predicted here; like
the plan of the months, this imports no room but the vocabulary.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from tests.harness.detection.expected import Expected, predicted
from tests.harness.detection.fault_kinds import Fault, Lie
from tests.harness.detection.faults import strike
from tests.harness.detection.month import CURRENCIES, STAKES, Part, Play, System
from tests.harness.detection.world import Scene, World, lay_out, scene

#: Long before the months are reconciled: everything about it is ripe.
EDGE = datetime(2026, 3, 15, tzinfo=UTC)
DAY = timedelta(days=1)
#: The two days that meet at the edge, each from its start to its end.
DAYS = ((EDGE - DAY, EDGE), (EDGE, EDGE + DAY))

PEOPLE = 6
PLAYS_MAX = 16
#: Between two rounds, in milliseconds; the longest is just no pause that parts them.
PAUSES = (1_200, 4_000, 9_000, 40_000, 150_000, 590_000)
#: How long before and after the edge one plays who never pauses, and how often.
ON_AND_ON = range(-60, 65, 5)
_MS = timedelta(milliseconds=1)

#: What strikes a round whose balances are told.
_TOLD = (
    *(Lie.DROPPED, Lie.PHANTOM, Lie.LOST, Lie.STAKE, Lie.PAYOUT, Lie.BOTH, Lie.NET, Lie.AFTER),
    *(Lie.TOTALS, Lie.OVERDUE, Lie.BEFORE, Lie.TWINS, Lie.RETURNED, None),
)
#: And one whose are not: only its amounts say whose counterpart it is.
_QUIET = (Lie.DROPPED, Lie.LOST, None)
#: Two alike rounds seconds apart: these rely on the clocks being closer than that.
_CLOSE = frozenset({Lie.TWINS, Lie.RETURNED})
#: What is about one side's row alone, and whose; anything else is about both.
_OURS_ALONE = frozenset({"missing_at_provider", "ambiguous_match"})
_THEIRS_ALONE = frozenset({"missing_in_ledger"})


@dataclass(frozen=True, slots=True)
class EdgeCase:
    """What was played over the edge, and what went wrong."""

    plays: tuple[Play, ...]
    faults: tuple[Fault, ...]

    def scenes(self) -> Iterator[tuple[Play, Fault | None, Scene]]:
        """Every play with what is told of it, faults included."""
        struck = {fault.play: fault for fault in self.faults}
        for play in self.plays:
            made, fault = scene(play), struck.get(play.number)
            if fault is not None:
                strike(made, play, fault)
            yield play, fault, made


def edge_case(seed: int) -> EdgeCase:
    """What happens around the edge by a seed."""
    rng = Random(f"edge {seed}")
    plays: list[Play] = []
    faults: list[Fault] = []
    for number in range(PEOPLE):
        quiet = number % 3 == 2
        lie = rng.choice(_QUIET if quiet else _TOLD)
        some = list(_session(rng, seed, len(plays), number, quiet=quiet))
        if lie is not None:
            at = min(range(len(some)), key=lambda n: abs(some[n].began - EDGE))
            fault = _fault(rng, lie, some[at])
            some[at] = _marked(rng, some[at], fault)
            faults.append(fault)
        plays += some
    plays += _on_and_on(rng, seed, len(plays))
    lost = rng.choice([play for play in plays[-len(ON_AND_ON) :] if _near(play)])
    faults.append(_fault(rng, rng.choice((Lie.DROPPED, Lie.LOST)), lost))
    return EdgeCase(tuple(plays), tuple(faults))


def _session(rng: Random, seed: int, first: int, number: int, *, quiet: bool) -> Iterator[Play]:
    """One player's rounds from before the edge until after it."""
    pauses = [
        rng.choice(PAUSES) + rng.randrange(1_000) for _ in range(rng.randint(4, PLAYS_MAX))
    ]
    crossing = rng.randrange(len(pauses))
    began = EDGE - sum(pauses[: crossing + 1]) * _MS + rng.randrange(20, 4_000) * _MS
    part = _part(rng, quiet=quiet)
    for place, pause in enumerate(pauses):
        began += pause * _MS
        if not quiet or rng.random() < 0.6:
            part = _part(rng, quiet=quiet)
        yield Play(
            seed=seed,
            number=first + place,
            system=System.UNNAMED,
            player=f"{'quiet' if quiet else 'edge'}-{seed}.{number}",
            currency=CURRENCIES[number % len(CURRENCIES)],
            parts=(part,),
            began=began,
            lasts=rng.randrange(100, 900) * _MS,
            ahead=_ahead(rng, began),
        )


def _on_and_on(rng: Random, seed: int, first: int) -> Iterator[Play]:
    """Rounds that are all alike, each told on the other side of a full five minutes.

    Wherever they are cut, one loses its counterpart, which then seems to be that of the next
    one, and so on, up to a round that nobody else tells: that one would be hidden.
    """
    for place, minutes in enumerate(ON_AND_ON):
        off = rng.choice((-1, 1)) * rng.randrange(20, 2_000) * _MS
        yield Play(
            seed=seed,
            number=first + place,
            system=System.UNNAMED,
            player=f"quiet-{seed}.on",
            currency="USD",
            parts=((500, 0),),
            began=EDGE + timedelta(minutes=minutes) + off,
            lasts=100 * _MS,
            ahead=-2 * off,
        )


def _near(play: Play) -> bool:
    return abs(play.began - EDGE) < timedelta(minutes=6)


def _part(rng: Random, *, quiet: bool) -> Part:
    if not quiet:
        stake = rng.choice(STAKES)
        return stake, rng.choice((0, 0, stake, 2 * stake))
    # No two to six of these add up to another one of them.
    return 1 + 7 * rng.randrange(1, 700), rng.choice((0, 0, 3, 2_000))


def _ahead(rng: Random, began: datetime) -> timedelta:
    """How far the provider's clock is off; near the edge often so far that it is crossed."""
    from_edge = began - EDGE
    if abs(from_edge) > timedelta(minutes=1) or rng.random() < 0.3:
        return rng.randrange(-300, 300) * _MS
    beyond = rng.choice((20, 300, 5_000, 30_000)) * _MS
    return -from_edge - beyond if from_edge >= timedelta(0) else -from_edge + beyond


def _fault(rng: Random, lie: Lie, play: Play) -> Fault:
    return Fault(
        lie=lie,
        play=play.number,
        by=rng.randint(1, 900),
        variant=rng.randrange(6),
        other=play.player,
    )


def _marked(rng: Random, play: Play, fault: Fault) -> Play:
    """The play that a fault strikes: of amounts that no other has, and close to the edge."""
    play = replace(play, parts=((30_004 + fault.by, 50_000 + 3 * fault.by),))
    if fault.lie not in _CLOSE:
        return play
    off = rng.randrange(-2_500, 600) * _MS
    return replace(play, began=EDGE + off, ahead=rng.randrange(-900, 900) * _MS)


def edge_world(cases: list[EdgeCase]) -> World:
    """Both sides of some cases; of quiet players no balance is told."""
    world = lay_out(made for case in cases for _, _, made in case.scenes())
    for line in world.lines:
        if line.player.startswith("quiet"):
            line.before = line.after = None
    return world


def expected_on(cases: list[EdgeCase], day: tuple[datetime, datetime]) -> list[Expected]:
    """What one of the days must say: whatever is about a row of it, or tied to a row of it."""
    return sorted(
        one
        for case in cases
        for play, fault, made in case.scenes()
        if fault is not None
        for one in predicted(play, fault)
        if any(day[0] <= at < day[1] for at in _legs(made, one))
    )


def _legs(made: Scene, one: Expected) -> list[datetime]:
    """When the rows that a break is about happened, by the clock of whoever tells them."""
    ours = [op.at for op in made.ops if op.round_id == one.round_id][:1]
    named = {one.round_id, f"history:h{one.round_id[1:]}"}
    theirs = [line.at for line in made.lines if line.round_id in named]
    if one.kind in _OURS_ALONE:
        return ours
    return theirs if one.kind in _THEIRS_ALONE else ours + theirs
