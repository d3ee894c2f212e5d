"""Which faults strike a month, where, and which of them never strike near each other."""

from datetime import timedelta
from random import Random

from tests.harness.detection.fault_kinds import OF_THE_LAST_HOUR, POSSIBLE, Fault, FaultKind
from tests.harness.detection.month import (
    END,
    NOW,
    OPEN_AFTER,
    ROLLBACK_MATURITY,
    START,
    Play,
    System,
)

#: The distance between two rows that only balance and amounts identify, and that lost those.
APART = timedelta(minutes=25)

#: Faults that leave a row without its balance or its amounts.
_UNIDENTIFIED = frozenset(
    {
        FaultKind.DROPPED,
        FaultKind.UNANSWERED,
        FaultKind.PHANTOM,
        FaultKind.LOST,
        FaultKind.STAKE,
        FaultKind.PAYOUT,
        FaultKind.BOTH,
        FaultKind.PLAYER,
        FaultKind.BEFORE,
    }
)
_LOST = frozenset({FaultKind.LOST, FaultKind.LOST_DRIFT})
#: Faults of balances; next to each other they look like one gap.
_STEPPED = frozenset({FaultKind.BEFORE, FaultKind.DRIFT})
#: Faults after which one side has no balance at this place, or all of its balances are wrong.
_HOLES = frozenset(
    {FaultKind.DROPPED, FaultKind.UNANSWERED, FaultKind.LOST, FaultKind.LOST_DRIFT}
)


def plan(seed: int, plays: list[Play], *, share: float = 0.25) -> list[Fault]:
    """Return a random mixture of faults: up to a quarter of all plays, none of them twice."""
    rng = Random(f"faults {seed}")
    hosts = list(plays)
    rng.shuffle(hosts)
    placed: list[tuple[Fault, Play]] = []
    for play in hosts[: int(len(hosts) * rng.uniform(0.02, share))]:
        kinds = [kind for kind in FaultKind if play.system in POSSIBLE[kind]]
        # A provider either keeps its own balances over all lost rounds of a month or over none.
        excluded = FaultKind.LOST_DRIFT if seed % 2 else FaultKind.LOST
        kinds = [kind for kind in kinds if _suits(play, kind) and kind is not excluded]
        if _has_a_twin(play, plays):
            kinds = [kind for kind in kinds if kind not in _UNIDENTIFIED]
        others = sorted({other.player for other in plays} - {play.player})
        if not kinds:
            continue
        fault = Fault(
            kind=rng.choice(kinds),
            play=play.number,
            # Every tenth fault is about one minor unit, which is easily lost.
            by=rng.randint(1, 900) if rng.random() < 0.9 else 1,
            variant=rng.randrange(6),
            other=rng.choice(others) if others else play.player,
        )
        clear = not any(_too_near((fault, play), earlier) for earlier in placed)
        if clear and not _steps_nearby(fault, play, plays, placed):
            placed.append((fault, play))
    return sorted((fault for fault, _ in placed), key=lambda fault: fault.play)


def _suits_recent(play: Play, kind: FaultKind) -> bool:
    if kind is FaultKind.UNDO_NOT_YET_REPORTED:
        return play.undone
    needs_a_win = kind not in {FaultKind.NOT_YET_REPORTED, FaultKind.NOT_YET_RECEIVED}
    return not play.undone and (play.payout > 0 or not needs_a_win)


def _suits(play: Play, kind: FaultKind) -> bool:
    if play.recent or kind in OF_THE_LAST_HOUR:
        return play.recent and kind in OF_THE_LAST_HOUR and _suits_recent(play, kind)
    if play.late or play.open or play.began > NOW - ROLLBACK_MATURITY - timedelta(minutes=5):
        return kind is FaultKind.CONFLICT
    if play.undone:
        return kind in {FaultKind.UNDO_UNREPORTED, FaultKind.CONFLICT}
    if play.net == 0 and kind is FaultKind.LOST_DRIFT:
        return False
    if play.system is System.SPORTSBOOK and kind in {FaultKind.STAKE, FaultKind.PAYOUT}:
        return (kind is FaultKind.STAKE) == (play.stake > 0)
    if kind is FaultKind.OVERDUE:
        return play.began < NOW - OPEN_AFTER - timedelta(hours=1)
    if kind is FaultKind.UNDO_UNREPORTED:
        return False
    return START + timedelta(minutes=30) < play.began < END


def _too_near(first: tuple[Fault, Play], second: tuple[Fault, Play]) -> bool:
    """Whether both faults leave a row of the same player that only its content identifies."""
    for fault, play in (first, second):
        if play.system is not System.UNNAMED or fault.kind not in _UNIDENTIFIED:
            return False
    players = [
        {play.player, fault.other} if fault.kind is FaultKind.PLAYER else {play.player}
        for fault, play in (first, second)
    ]
    return bool(players[0] & players[1]) and abs(first[1].began - second[1].began) < APART


def _has_a_twin(play: Play, plays: list[Play]) -> bool:
    """Whether a row that looks alike is so near that nobody could say which one was lost."""
    return play.system is System.UNNAMED and any(
        other.number != play.number
        and (other.system, other.player, other.parts) == (play.system, play.player, play.parts)
        and abs(other.began - play.began) < timedelta(seconds=20)
        for other in plays
    )


def _steps_nearby(
    fault: Fault, play: Play, plays: list[Play], placed: list[tuple[Fault, Play]]
) -> bool:
    """Whether balances are wrong near it, so that both faults together look like one gap."""
    against = _STEPPED | _HOLES if fault.kind in _STEPPED else _STEPPED
    if fault.kind not in _STEPPED | _HOLES:
        return False
    chain = [p for p in plays if p.system is play.system and p.player == play.player]
    at = chain.index(play)
    near = {neighbour.number for neighbour in chain[max(0, at - 3) : at + 4]}
    return any(earlier.play in near and earlier.kind in against for earlier, _ in placed)
