"""Sessions across a midnight at the provider whose history lacks our round ids.

Clocks move rounds to the other day, in either direction, with and without a fault. This module
predicts what each of the two days must report. Like the plan of the months, it imports only the
vocabulary.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from tests.harness.detection.expected import Expected, predicted
from tests.harness.detection.fault_kinds import Fault, FaultKind
from tests.harness.detection.faults import strike
from tests.harness.detection.month import CURRENCIES, STAKES, Part, Play, System
from tests.harness.detection.world import Scene, World, lay_out, scene

#: Long before the months are reconciled, so everything around it is mature.
EDGE = datetime(2026, 3, 15, tzinfo=UTC)
DAY = timedelta(days=1)
#: The two days that meet at the edge, each from its start to its end.
DAYS = ((EDGE - DAY, EDGE), (EDGE, EDGE + DAY))

PEOPLE = 6
PLAYS_MAX = 16
#: Pauses between two rounds, in milliseconds; the longest is just too short to end a session.
PAUSES = (1_200, 4_000, 9_000, 40_000, 150_000, 590_000)
#: The minutes around the edge at which a player without pauses plays.
WITHOUT_PAUSE = range(-60, 65, 5)
_MS = timedelta(milliseconds=1)

#: Faults of rounds whose balances are reported.
_WITH_BALANCES = (
    *(
        FaultKind.DROPPED,
        FaultKind.PHANTOM,
        FaultKind.LOST,
        FaultKind.STAKE,
        FaultKind.PAYOUT,
        FaultKind.BOTH,
        FaultKind.NET,
        FaultKind.AFTER,
    ),
    *(
        FaultKind.TOTALS,
        FaultKind.OVERDUE,
        FaultKind.BEFORE,
        FaultKind.TWINS,
        FaultKind.RETURNED,
        None,
    ),
)
#: Faults of other rounds: only their amounts identify the counterpart.
_WITHOUT_BALANCES = (FaultKind.DROPPED, FaultKind.LOST, None)
#: Two rounds that look alike, seconds apart; the clocks must be closer than that.
_CLOSE = frozenset({FaultKind.TWINS, FaultKind.RETURNED})
#: Breaks of one side's row alone, and whose; all other breaks are about both rows.
_OURS_ALONE = frozenset({"missing_at_provider", "ambiguous_match"})
_THEIRS_ALONE = frozenset({"missing_in_ledger"})


@dataclass(frozen=True, slots=True)
class EdgeCase:
    """What was played across the edge, and what went wrong."""

    plays: tuple[Play, ...]
    faults: tuple[Fault, ...]

    def scenes(self) -> Iterator[tuple[Play, Fault | None, Scene]]:
        """Yield every play with its fault and its scene, in which the fault has struck."""
        struck = {fault.play: fault for fault in self.faults}
        for play in self.plays:
            stored, fault = scene(play), struck.get(play.number)
            if fault is not None:
                strike(stored, play, fault)
            yield play, fault, stored


def edge_case(seed: int) -> EdgeCase:
    """Return what happens around the edge for a seed."""
    rng = Random(f"edge {seed}")
    plays: list[Play] = []
    faults: list[Fault] = []
    for number in range(PEOPLE):
        quiet = number % 3 == 2
        kind = rng.choice(_WITHOUT_BALANCES if quiet else _WITH_BALANCES)
        session = list(_session(rng, seed, len(plays), number, quiet=quiet))
        if kind is not None:
            at = min(range(len(session)), key=lambda n: abs(session[n].began - EDGE))
            fault = _fault(rng, kind, session[at])
            session[at] = _marked(rng, session[at], fault)
            faults.append(fault)
        plays += session
    plays += _without_pause(rng, seed, len(plays))
    lost = rng.choice([play for play in plays[-len(WITHOUT_PAUSE) :] if _near(play)])
    faults.append(_fault(rng, rng.choice((FaultKind.DROPPED, FaultKind.LOST)), lost))
    return EdgeCase(tuple(plays), tuple(faults))


def _session(rng: Random, seed: int, first: int, number: int, *, quiet: bool) -> Iterator[Play]:
    """Yield one player's rounds from before the edge until after it."""
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


def _without_pause(rng: Random, seed: int, first: int) -> Iterator[Play]:
    """Yield rounds that all look alike, each reported on the other side of a full five minutes.

    Wherever they are cut, one round loses its counterpart, which then seems to be that of the
    next
    round, and so on, up to a round that only one side has: that one would be hidden.
    """
    for place, minutes in enumerate(WITHOUT_PAUSE):
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
    # No two to six of these amounts add up to another one.
    return 1 + 7 * rng.randrange(1, 700), rng.choice((0, 0, 3, 2_000))


def _ahead(rng: Random, began: datetime) -> timedelta:
    """Return how far the provider's clock is ahead; near the edge often across it."""
    from_edge = began - EDGE
    if abs(from_edge) > timedelta(minutes=1) or rng.random() < 0.3:
        return rng.randrange(-300, 300) * _MS
    distance = rng.choice((20, 300, 5_000, 30_000)) * _MS
    return -from_edge - distance if from_edge >= timedelta(0) else -from_edge + distance


def _fault(rng: Random, kind: FaultKind, play: Play) -> Fault:
    return Fault(
        kind=kind,
        play=play.number,
        by=rng.randint(1, 900),
        variant=rng.randrange(6),
        other=play.player,
    )


def _marked(rng: Random, play: Play, fault: Fault) -> Play:
    """Return the play that a fault strikes, with unique amounts and close to the edge."""
    play = replace(play, parts=((30_004 + fault.by, 50_000 + 3 * fault.by),))
    if fault.kind not in _CLOSE:
        return play
    off = rng.randrange(-2_500, 600) * _MS
    return replace(play, began=EDGE + off, ahead=rng.randrange(-900, 900) * _MS)


def edge_world(cases: list[EdgeCase]) -> World:
    """Return both sides of some cases; the balances of quiet players are not reported."""
    world = lay_out(stored for case in cases for _, _, stored in case.scenes())
    for line in world.lines:
        if line.player.startswith("quiet"):
            line.before = line.after = None
    return world


def expected_on(cases: list[EdgeCase], day: tuple[datetime, datetime]) -> list[Expected]:
    """Return what one day must report: breaks of its rows, or of rows tied to them."""
    return sorted(
        break_
        for case in cases
        for play, fault, stored in case.scenes()
        if fault is not None
        for break_ in predicted(play, fault)
        if any(day[0] <= at < day[1] for at in _rows_at(stored, break_))
    )


def _rows_at(stored: Scene, break_: Expected) -> list[datetime]:
    """Return when the rows of a break happened, each by the clock of its own side."""
    ours = [op.at for op in stored.ops if op.round_id == break_.round_id][:1]
    named = {break_.round_id, f"history:h{break_.round_id[1:]}"}
    theirs = [line.at for line in stored.lines if line.round_id in named]
    if break_.kind in _OURS_ALONE:
        return ours
    return theirs if break_.kind in _THEIRS_ALONE else ours + theirs
