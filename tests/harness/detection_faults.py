"""Every way in which a month can go wrong from outside, put into one play's scene at a time.

What must be found of each is not said here but in ``detection_expected``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from random import Random

from tests.harness.detection_month import (
    BY_TRANSACTION,
    END,
    NOW,
    OPEN_AFTER,
    START,
    WITH_BALANCES,
    Play,
    System,
)
from tests.harness.detection_world import MS, Finding, Logged, Scene, line_of, logged, op_of

_EVERY = frozenset(System)
_NAMED = _EVERY - {System.UNNAMED}
#: Whose history can name another currency than ours: the aggregator's has one by agreement.
_FILES = frozenset({System.XIGS, System.SPORTSBOOK, System.AGENT})
#: Rows that only their balance and amounts tie are kept this far from another that lost that.
APART = timedelta(minutes=25)


class Lie(StrEnum):
    """What goes wrong."""

    DROPPED = "a line is not told"
    PHANTOM = "a line of a round that never was"
    LOST = "a round whose callbacks never came"
    LOST_DRIFT = "the same, and later balances tell it"
    STAKE = "another stake is told"
    PAYOUT = "another payout is told"
    BOTH = "both amounts are told otherwise"
    PLAYER = "told of another player"
    CURRENCY = "told in another currency"
    NET = "a net that is not the sum"
    AFTER = "a balance that does not follow"
    TAKEN_BACK = "told as taken back, though it stands"
    UNDO_UNTOLD = "taken back, but told as standing"
    TWICE = "a line told again"
    TWICE_WRONG = "a wrong line told again"
    TOTALS = "other totals at the round's end"
    OVERDUE = "a round that is never ended"
    LATE = "an original after its rollback"
    ORPHAN = "a rollback of what never came"
    CONFLICT = "a repeat with other content"
    UNHEARD = "a logged callback that never came"
    DISPUTED = "logged with another answer"
    BEFORE = "a balance told wrong once"
    DRIFT = "balances off from here on"
    TWINS = "of two alike one is told, where no balance helps"
    RETURNED = "of two alike at one balance one is told"
    BELOW_ZERO = "a spent win is taken back"
    UNREADABLE = "a line nobody can read"
    RESTATED = "told otherwise after the close, rightly now"
    RESTATED_WRONG = "told otherwise after the close, wrongly now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: what, in which play, by how much, in which of its variants."""

    lie: Lie
    play: int
    by: int
    variant: int
    other: str


#: Where a fault may strike.
POSSIBLE: Mapping[Lie, frozenset[System]] = {
    Lie.DROPPED: _EVERY,
    Lie.PHANTOM: _EVERY,
    Lie.LOST: _EVERY,
    Lie.LOST_DRIFT: frozenset({System.NAMED}),
    Lie.STAKE: _EVERY,
    Lie.PAYOUT: _EVERY,
    Lie.BOTH: _EVERY - {System.SPORTSBOOK},
    Lie.PLAYER: _EVERY,
    Lie.CURRENCY: _FILES,
    Lie.NET: WITH_BALANCES,
    Lie.AFTER: WITH_BALANCES,
    Lie.TAKEN_BACK: frozenset({System.XIGS, System.SPORTSBOOK}),
    Lie.UNDO_UNTOLD: BY_TRANSACTION,
    Lie.TWICE: _FILES,
    Lie.TWICE_WRONG: _FILES,
    Lie.TOTALS: WITH_BALANCES,
    Lie.OVERDUE: frozenset({System.XIGS, System.NAMED, System.UNNAMED}),
    Lie.LATE: BY_TRANSACTION,
    Lie.ORPHAN: BY_TRANSACTION,
    Lie.CONFLICT: _EVERY,
    Lie.UNHEARD: frozenset({System.XIGS}),
    Lie.DISPUTED: frozenset({System.XIGS}),
    Lie.BEFORE: WITH_BALANCES,
    Lie.DRIFT: frozenset({System.NAMED}),
    Lie.TWINS: frozenset({System.UNNAMED}),
    Lie.RETURNED: frozenset({System.UNNAMED}),
    Lie.BELOW_ZERO: frozenset({System.SPORTSBOOK}),
    Lie.UNREADABLE: _EVERY,
    Lie.RESTATED: _EVERY,
    Lie.RESTATED_WRONG: _NAMED,
}

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


def _suits(play: Play, lie: Lie) -> bool:
    if play.late or play.open or play.began > NOW - timedelta(minutes=30):
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


def strike(scene: Scene, play: Play, fault: Fault) -> None:
    """Let one fault happen to one scene."""
    _STRIKES[fault.lie](scene, play, fault)


def _dropped(scene: Scene, _play: Play, _fault: Fault) -> None:
    scene.lines.clear()


def _phantom(scene: Scene, play: Play, fault: Fault) -> None:
    line = replace(scene.lines[0], record_id=f"x{play.tag}")
    line.round_id = phantom_id(play)
    line.stake, line.payout = phantom_part(play, fault)
    line.at += 300 * MS
    scene.lines.append(line)


def phantom_id(play: Play) -> str:
    """What an invented round is called."""
    prefix = "history:" if play.system is System.UNNAMED else ""
    return f"{prefix}x{play.tag}"


def phantom_part(play: Play, fault: Fault) -> tuple[int, int]:
    """What an invented round moved; amounts that no honest round has."""
    odd = 100_003 + fault.by
    if play.system is System.SPORTSBOOK:
        return (odd, 0) if fault.variant % 2 else (0, odd)
    return (odd, 7 * fault.by) if fault.variant % 3 else (odd, 0)


def _lost(scene: Scene, _play: Play, _fault: Fault) -> None:
    scene.ops.clear()


def _lost_drift(scene: Scene, play: Play, fault: Fault) -> None:
    _lost(scene, play, fault)
    scene.drift.append((play.system, play.player, play.began + play.lasts, play.net))


def stake_by(play: Play, fault: Fault) -> int:
    """How much more stake is told; less where the variant says so and there is enough."""
    first = play.parts[0][0]
    return -fault.by if fault.variant % 2 and first > fault.by else fault.by


def payout_by(play: Play, fault: Fault) -> int:
    """How much more payout is told, in the same way."""
    first = play.parts[0][1]
    return -fault.by if fault.variant % 2 and first > fault.by else fault.by


def _stake(scene: Scene, play: Play, fault: Fault) -> None:
    scene.lines[0].stake += stake_by(play, fault)


def _payout(scene: Scene, play: Play, fault: Fault) -> None:
    scene.lines[0].payout += payout_by(play, fault)


def _both(scene: Scene, play: Play, fault: Fault) -> None:
    _stake(scene, play, fault)
    _payout(scene, play, fault)


def _player(scene: Scene, _play: Play, fault: Fault) -> None:
    for line in scene.lines:
        line.player = fault.other


def other_currency(play: Play) -> str:
    """The currency it is told in."""
    return "EUR" if play.currency != "EUR" else "USD"


def _currency(scene: Scene, play: Play, _fault: Fault) -> None:
    for line in scene.lines:
        line.currency = other_currency(play)


def _net(scene: Scene, _play: Play, fault: Fault) -> None:
    scene.lines[0].wrong_net = fault.by if fault.variant % 2 else -fault.by


def _after(scene: Scene, _play: Play, fault: Fault) -> None:
    scene.lines[0].wrong_after = fault.by if fault.variant % 2 else -fault.by


def _taken_back(scene: Scene, play: Play, fault: Fault) -> None:
    (line,) = scene.lines
    if play.system is System.XIGS:
        line.stake, line.payout, line.rolled_back = 0, 0, True
        return
    undo = replace(line, record_id=f"{line.record_id}-undo", rolled_back=True)
    undo.stake = undo.payout = 0
    undo.at += 50 * MS if fault.variant % 2 else timedelta(hours=2)
    scene.lines.append(undo)


def _undo_untold(scene: Scene, _play: Play, _fault: Fault) -> None:
    scene.lines[:] = [line for line in scene.lines if not line.record_id.endswith("-undo")]


def _twice(scene: Scene, _play: Play, fault: Fault) -> None:
    scene.lines[0].times = times_told(fault)


def times_told(fault: Fault) -> int:
    """How often a line is in the file."""
    return 3 if fault.variant == 0 else 2


def _twice_wrong(scene: Scene, play: Play, fault: Fault) -> None:
    _twice(scene, play, fault)
    wrong = _payout if play.system is System.SPORTSBOOK and not play.stake else _stake
    wrong(scene, play, fault)


def _totals(scene: Scene, play: Play, fault: Fault) -> None:
    scene.ops[-1].declared = declared_totals(play, fault)


def declared_totals(play: Play, fault: Fault) -> tuple[int, int]:
    """The totals that the round's end names."""
    stake = play.stake + fault.by * (fault.variant % 3 != 0)
    return stake, play.payout + 2 * fault.by * (fault.variant % 3 != 1)


def _overdue(scene: Scene, play: Play, _fault: Fault) -> None:
    del scene.ops[1:]
    for line in scene.lines:
        line.payout = 0
    scene.logged[:] = [one for one in scene.logged if one.event == "open-round"]


def _early_rollback(scene: Scene, play: Play, name: str) -> None:
    undo = op_of(play, "rollback", f"{name}-undo", ms=20)
    stone = op_of(play, "tombstone", name, ms=20)
    undo.refers = name
    for op in (undo, stone):
        op.round_id = name
        scene.ops.append(op)


def unknown_id(play: Play) -> str:
    """What a round is called whose original did not come in time, or at all."""
    return f"u{play.tag}"


def _orphan(scene: Scene, play: Play, fault: Fault) -> None:
    name = unknown_id(play)
    _early_rollback(scene, play, name)
    if fault.variant % 3 == 0:
        return
    undo = line_of(play, (0, 0), f"{name}-undo", ms=40)
    undo.round_id, undo.rolled_back = name, True
    scene.lines.append(undo)
    if fault.variant % 3 == 1:
        original = line_of(play, (fault.by, 0), name, ms=30)
        original.round_id = name
        scene.lines.append(original)


def _late(scene: Scene, play: Play, fault: Fault) -> None:
    _orphan(scene, play, fault)
    name = unknown_id(play)
    for more in range(1 + fault.variant % 2):
        at = play.began + timedelta(seconds=3 + more)
        scene.deliveries.append((play.system, name, "rolled_back", at))


def _conflict(scene: Scene, play: Play, fault: Fault) -> None:
    for more in range(1 + fault.variant % 3):
        at = play.began + timedelta(seconds=1 + more)
        scene.deliveries.append((play.system, scene.ops[0].key, "conflict", at))


def _unheard(scene: Scene, play: Play, fault: Fault) -> None:
    scene.logged.append(
        Logged(
            event="open-round" if fault.variant % 2 else "close-round",
            round_id=unknown_id(play),
            player=play.player,
            currency=play.currency,
            amount=fault.by,
            at=play.began + 5 * MS,
            code=200 if fault.variant % 3 else None,
        )
    )


def _disputed(scene: Scene, play: Play, fault: Fault) -> None:
    one = logged(scene.ops[0])
    if fault.variant % 2:
        one.code = (500, 402, None)[fault.variant % 3]
        one.body = b""
    else:
        one.body = b"another answer"
    scene.logged[:] = [each for each in scene.logged if each.event != "open-round"]
    scene.logged.append(one)


def _before(scene: Scene, _play: Play, fault: Fault) -> None:
    scene.lines[0].wrong_before = off_by(fault)


def off_by(fault: Fault) -> int:
    """By how much a balance is off: never what a round moves."""
    odd = 200_003 + fault.by
    return odd if fault.variant % 2 else -odd


def _drift(scene: Scene, play: Play, fault: Fault) -> None:
    scene.drift.append((play.system, play.player, play.began - MS, off_by(fault)))


def debtor(play: Play) -> str:
    """A player whom a fault brings along, so that nobody else's books change."""
    return f"guest-{play.tag}"


def _guest(scene: Scene, play: Play, held: int) -> Play:
    scene.openings[debtor(play)] = held
    return replace(play, player=debtor(play))


def _pair(scene: Scene, play: Play, places: tuple[tuple[str, int, int, int], ...]) -> None:
    guest = _guest(scene, play, 100_000)
    for letter, ms, stake, payout in places:
        name = f"{play.round_id}{letter}"
        bet = op_of(guest, "bet", f"bet:{name}", (stake, 0), ms=ms)
        win = op_of(guest, "win", f"settle-bet:{name}", (0, payout), ms=ms + 10)
        for op in (bet, win):
            op.round_id = name
            scene.ops.append(op)
        line = line_of(guest, (stake, payout), f"h{name[1:]}", ms=ms)
        line.round_id = f"history:h{name[1:]}"
        scene.lines.append(line)


def _twins(scene: Scene, play: Play, fault: Fault) -> None:
    _pair(scene, play, (("a", 0, 700, fault.by), ("b", 2_000, 700, fault.by)))
    scene.lines.pop(-2)
    scene.lines[-1].wrong_before = off_by(fault)


def _returned(scene: Scene, play: Play, fault: Fault) -> None:
    by = fault.by
    _pair(scene, play, (("a", 0, by, 0), ("b", 1_000, 5, 5 + by), ("c", 2_000, by, 0)))
    scene.lines.pop(-1 if fault.variant % 2 else -3)


def _below_zero(scene: Scene, play: Play, fault: Fault) -> None:
    guest = _guest(scene, play, 100)
    name = f"{play.round_id}w"
    steps = [("win", name, (0, 400 + fault.by)), ("bet", f"{name}b", (400 + fault.by, 0))]
    steps.append(("rollback", f"{name}-undo", (0, -400 - fault.by)))
    for place, (kind, key, part) in enumerate(steps):
        op = op_of(guest, kind, key, part, ms=place)
        op.round_id = name if kind == "rollback" else key
        scene.ops.append(op)
        line = line_of(guest, part, key, ms=place)
        line.round_id = op.round_id
        if kind == "rollback":
            line.stake, line.payout, line.rolled_back = 0, 0, True
        scene.lines.append(line)


def _unreadable(scene: Scene, play: Play, fault: Fault) -> None:
    scene.findings.append(
        Finding(
            system=play.system,
            kind="unparsable_record",
            file=f"day{play.seed}",
            line=play.number,
        )
    )


def _restated(scene: Scene, play: Play, fault: Fault) -> None:
    scene.findings.append(
        Finding(
            system=play.system,
            kind="restated_after_close",
            file="",
            line=play.number,
            round_id=play.told_id,
            currency=play.currency,
            difference=stake_by(play, fault),
        )
    )


def _restated_wrong(scene: Scene, play: Play, fault: Fault) -> None:
    _restated(scene, play, fault)
    wrong = _payout if play.system is System.SPORTSBOOK and not play.stake else _stake
    wrong(scene, play, fault)


_STRIKES: Mapping[Lie, Callable[[Scene, Play, Fault], None]] = {
    Lie.DROPPED: _dropped,
    Lie.PHANTOM: _phantom,
    Lie.LOST: _lost,
    Lie.LOST_DRIFT: _lost_drift,
    Lie.STAKE: _stake,
    Lie.PAYOUT: _payout,
    Lie.BOTH: _both,
    Lie.PLAYER: _player,
    Lie.CURRENCY: _currency,
    Lie.NET: _net,
    Lie.AFTER: _after,
    Lie.TAKEN_BACK: _taken_back,
    Lie.UNDO_UNTOLD: _undo_untold,
    Lie.TWICE: _twice,
    Lie.TWICE_WRONG: _twice_wrong,
    Lie.TOTALS: _totals,
    Lie.OVERDUE: _overdue,
    Lie.LATE: _late,
    Lie.ORPHAN: _orphan,
    Lie.CONFLICT: _conflict,
    Lie.UNHEARD: _unheard,
    Lie.DISPUTED: _disputed,
    Lie.BEFORE: _before,
    Lie.DRIFT: _drift,
    Lie.TWINS: _twins,
    Lie.RETURNED: _returned,
    Lie.BELOW_ZERO: _below_zero,
    Lie.UNREADABLE: _unreadable,
    Lie.RESTATED: _restated,
    Lie.RESTATED_WRONG: _restated_wrong,
}
