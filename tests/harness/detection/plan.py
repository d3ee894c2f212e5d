"""Which faults strike a month, where, and which of them never stand near each other."""

from datetime import timedelta
from random import Random

from tests.harness.detection.fault_kinds import OF_THE_LAST_HOUR, POSSIBLE, Fault, Lie
from tests.harness.detection.month import (
    END,
    NOW,
    OPEN_AFTER,
    ROLLBACK_RIPE,
    START,
    Play,
    System,
)

#: Rows that only their balance and amounts tie are kept this far from another that lost that.
APART = timedelta(minutes=25)

#: Faults that leave a row without its balance or its amounts, where nothing else ties it.
_LOOSE = frozenset(
    {
        Lie.DROPPED,
        Lie.PHANTOM,
        Lie.LOST,
        Lie.STAKE,
        Lie.PAYOUT,
        Lie.BOTH,
        Lie.PLAYER,
        Lie.BEFORE,
    }
)
_LOST = frozenset({Lie.LOST, Lie.LOST_DRIFT})
#: Faults of balances; next to each other they are one step that nobody can take apart.
_STEPPED = frozenset({Lie.BEFORE, Lie.DRIFT})
#: Faults after which one of the two sides has no balance at this place, or all are off.
_HOLES = frozenset({Lie.DROPPED, Lie.LOST, Lie.LOST_DRIFT})


def plan(seed: int, plays: list[Play], *, share: float = 0.25) -> list[Fault]:
    """A random mixture: up to a quarter of all plays, none of them hit twice."""
    rng = Random(f"faults {seed}")
    hosts = list(plays)
    rng.shuffle(hosts)
    placed: list[tuple[Fault, Play]] = []
    for play in hosts[: int(len(hosts) * rng.uniform(0.02, share))]:
        lies = [lie for lie in Lie if play.system in POSSIBLE[lie] and _suits(play, lie)]
        # One who keeps balances of his own keeps them for every round.
        lies = [one for one in lies if one is not (Lie.LOST_DRIFT if seed % 2 else Lie.LOST)]
        if _has_a_twin(play, plays):
            lies = [lie for lie in lies if lie not in _LOOSE]
        others = sorted({one.player for one in plays} - {play.player})
        if not lies:
            continue
        fault = Fault(
            lie=rng.choice(lies),
            play=play.number,
            # A cent is easily lost, so every tenth fault is about one.
            by=rng.randint(1, 900) if rng.random() < 0.9 else 1,
            variant=rng.randrange(6),
            other=rng.choice(others) if others else play.player,
        )
        clear = not any(_too_near((fault, play), one) for one in placed)
        if clear and not _steps_nearby(fault, play, plays, placed):
            placed.append((fault, play))
    return sorted((fault for fault, _ in placed), key=lambda fault: fault.play)


def _suits_recent(play: Play, lie: Lie) -> bool:
    if lie is Lie.UNDO_YET_UNTOLD:
        return play.undone
    needs_a_win = lie not in {Lie.YET_UNTOLD, Lie.YET_UNHEARD}
    return not play.undone and (play.payout > 0 or not needs_a_win)


def _suits(play: Play, lie: Lie) -> bool:
    if play.recent or lie in OF_THE_LAST_HOUR:
        return play.recent and lie in OF_THE_LAST_HOUR and _suits_recent(play, lie)
    if play.late or play.open or play.began > NOW - ROLLBACK_RIPE - timedelta(minutes=5):
        return lie is Lie.CONFLICT
    if play.undone:
        return lie in {Lie.UNDO_UNTOLD, Lie.CONFLICT}
    if play.net == 0 and lie is Lie.LOST_DRIFT:
        return False
    if play.system is System.SPORTSBOOK and lie in {Lie.STAKE, Lie.PAYOUT}:
        return (lie is Lie.STAKE) == (play.stake > 0)
    if lie is Lie.OVERDUE:
        return play.began < NOW - OPEN_AFTER - timedelta(hours=1)
    if lie is Lie.UNDO_UNTOLD:
        return False
    return START + timedelta(minutes=30) < play.began < END


def _too_near(one: tuple[Fault, Play], two: tuple[Fault, Play]) -> bool:
    """Both leave a row loose among the same player's, where only its content ties it."""
    for fault, play in (one, two):
        if play.system is not System.UNNAMED or fault.lie not in _LOOSE:
            return False
    people = [
        {play.player, fault.other} if fault.lie is Lie.PLAYER else {play.player}
        for fault, play in (one, two)
    ]
    return bool(people[0] & people[1]) and abs(one[1].began - two[1].began) < APART


def _has_a_twin(play: Play, plays: list[Play]) -> bool:
    """Whether a row like it is so near that losing one of them loses which."""
    return play.system is System.UNNAMED and any(
        one.number != play.number
        and (one.system, one.player, one.parts) == (play.system, play.player, play.parts)
        and abs(one.began - play.began) < timedelta(seconds=20)
        for one in plays
    )


def _steps_nearby(
    fault: Fault, play: Play, plays: list[Play], placed: list[tuple[Fault, Play]]
) -> bool:
    """Whether balances are off near it, so that both together are steps nobody can part."""
    against = _STEPPED | _HOLES if fault.lie in _STEPPED else _STEPPED
    if fault.lie not in _STEPPED | _HOLES:
        return False
    chain = [one for one in plays if one.system is play.system and one.player == play.player]
    at = chain.index(play)
    near = {one.number for one in chain[max(0, at - 3) : at + 4]}
    return any(one.play in near and one.lie in against for one, _ in placed)
