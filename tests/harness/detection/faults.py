"""Every way in which a month can go wrong from outside, put into one play's scene at a time.

What must be found of each is not said here but in ``detection_expected``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from tests.harness.detection.fault_kinds import Fault, Lie
from tests.harness.detection.month import Play, System
from tests.harness.detection.world import MS, Finding, Logged, Scene, line_of, logged, op_of


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


def _yet_unheard(scene: Scene, _play: Play, _fault: Fault) -> None:
    scene.ops.clear()
    scene.logged.clear()


def _win_untold(scene: Scene, _play: Play, _fault: Fault) -> None:
    (line,) = scene.lines
    line.payout = 0


def _win_unheard(scene: Scene, _play: Play, _fault: Fault) -> None:
    scene.ops[:] = [op for op in scene.ops if op.kind == "bet"]
    scene.logged.clear()


def wrong_while_young(fault: Fault) -> int:
    """By how much a payout is off that no movement comes to."""
    return 100_003 + fault.by


def _wrong_while_young(scene: Scene, _play: Play, fault: Fault) -> None:
    scene.lines[0].payout += wrong_while_young(fault)


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
    Lie.YET_UNTOLD: _dropped,
    Lie.YET_UNHEARD: _yet_unheard,
    Lie.WIN_UNTOLD: _win_untold,
    Lie.WIN_UNHEARD: _win_unheard,
    Lie.UNDO_YET_UNTOLD: _undo_untold,
    Lie.WRONG_WHILE_YOUNG: _wrong_while_young,
}
