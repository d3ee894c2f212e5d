"""Every fault that can be caused from outside, applied to the scene of one play.

What must be found of each is predicted in ``tests.harness.detection.expected``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from tests.harness.detection.fault_kinds import Fault, FaultKind
from tests.harness.detection.month import Play, System
from tests.harness.detection.unanswered import leave_unanswered
from tests.harness.detection.world import MS, Finding, Logged, Scene, line_of, logged, op_of


def strike(scene: Scene, play: Play, fault: Fault) -> None:
    """Apply one fault to one scene."""
    _STRIKES[fault.kind](scene, play, fault)


def _dropped(scene: Scene, _play: Play, _fault: Fault) -> None:
    scene.lines.clear()


def _phantom(scene: Scene, play: Play, fault: Fault) -> None:
    line = replace(scene.lines[0], record_id=f"x{play.tag}")
    line.round_id = phantom_id(play)
    line.stake, line.payout = phantom_part(play, fault)
    line.at += 300 * MS
    scene.lines.append(line)


def phantom_id(play: Play) -> str:
    """Return the id of an invented round."""
    prefix = "history:" if play.system is System.UNNAMED else ""
    return f"{prefix}x{play.tag}"


def phantom_part(play: Play, fault: Fault) -> tuple[int, int]:
    """Return the amounts of an invented round; no honest round has them."""
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
    """Return how much more stake is reported; less if the variant and the stake allow it."""
    first = play.parts[0][0]
    return -fault.by if fault.variant % 2 and first > fault.by else fault.by


def payout_by(play: Play, fault: Fault) -> int:
    """Return how much more payout is reported, in the same way."""
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


def respelled_id(play: Play) -> str:
    """Return the id of a round as the provider spells it."""
    return play.reported_id.upper()


def _respelled(scene: Scene, play: Play, _fault: Fault) -> None:
    for line in scene.lines:
        line.round_id = respelled_id(play)


def other_currency(play: Play) -> str:
    """Return the wrong currency in which a line is reported."""
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


def _undo_unreported(scene: Scene, _play: Play, _fault: Fault) -> None:
    scene.lines[:] = [line for line in scene.lines if not line.record_id.endswith("-undo")]


def _twice(scene: Scene, _play: Play, fault: Fault) -> None:
    scene.lines[0].times = times_repeated(fault)


def times_repeated(fault: Fault) -> int:
    """Return how often a line is in the file."""
    return 3 if fault.variant == 0 else 2


def _twice_wrong(scene: Scene, play: Play, fault: Fault) -> None:
    _twice(scene, play, fault)
    wrong = _payout if play.system is System.SPORTSBOOK and not play.stake else _stake
    wrong(scene, play, fault)


def _totals(scene: Scene, play: Play, fault: Fault) -> None:
    scene.ops[-1].declared = declared_totals(play, fault)


def declared_totals(play: Play, fault: Fault) -> tuple[int, int]:
    """Return the totals that the round's end names."""
    stake = play.stake + fault.by * (fault.variant % 3 != 0)
    return stake, play.payout + 2 * fault.by * (fault.variant % 3 != 1)


def _overdue(scene: Scene, play: Play, _fault: Fault) -> None:
    del scene.ops[1:]
    for line in scene.lines:
        line.payout = 0
    scene.logged[:] = [entry for entry in scene.logged if entry.event == "open-round"]


def _early_rollback(scene: Scene, play: Play, name: str) -> None:
    undo = op_of(play, "rollback", f"{name}-undo", ms=20)
    stone = op_of(play, "tombstone", name, ms=20)
    undo.refers = name
    for op in (undo, stone):
        op.round_id = name
        scene.ops.append(op)


def unknown_id(play: Play) -> str:
    """Return the id of a round whose original arrived too late or never."""
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
    for number in range(1 + fault.variant % 2):
        at = play.began + timedelta(seconds=3 + number)
        scene.deliveries.append((play.system, name, "rolled_back", at))


def _conflict(scene: Scene, play: Play, fault: Fault) -> None:
    for number in range(1 + fault.variant % 3):
        at = play.began + timedelta(seconds=1 + number)
        scene.deliveries.append((play.system, scene.ops[0].key, "conflict", at))


def _logged_not_received(scene: Scene, play: Play, fault: Fault) -> None:
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
    entry = logged(scene.ops[0])
    if fault.variant % 2:
        entry.code = (500, 402, None)[fault.variant % 3]
        entry.body = b""
    else:
        entry.body = b"another answer"
    scene.logged[:] = [earlier for earlier in scene.logged if earlier.event != "open-round"]
    scene.logged.append(entry)


def _before(scene: Scene, _play: Play, fault: Fault) -> None:
    scene.lines[0].wrong_before = off_by(fault)


def off_by(fault: Fault) -> int:
    """Return by how much a balance is wrong: never an amount that a round moves."""
    odd = 200_003 + fault.by
    return odd if fault.variant % 2 else -odd


def _drift(scene: Scene, play: Play, fault: Fault) -> None:
    scene.drift.append((play.system, play.player, play.began - MS, off_by(fault)))


def debtor(play: Play) -> str:
    """Return a player whom only this fault uses, so that nobody else's books change."""
    return f"guest-{play.tag}"


def _guest(scene: Scene, play: Play, balance: int) -> Play:
    scene.openings[debtor(play)] = balance
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
            round_id=play.reported_id,
            currency=play.currency,
            difference=stake_by(play, fault),
        )
    )


def _restated_wrong(scene: Scene, play: Play, fault: Fault) -> None:
    _restated(scene, play, fault)
    wrong = _payout if play.system is System.SPORTSBOOK and not play.stake else _stake
    wrong(scene, play, fault)


def _not_yet_received(scene: Scene, _play: Play, _fault: Fault) -> None:
    scene.ops.clear()
    scene.logged.clear()


def _win_unreported(scene: Scene, _play: Play, _fault: Fault) -> None:
    (line,) = scene.lines
    line.payout = 0


def _win_not_received(scene: Scene, _play: Play, _fault: Fault) -> None:
    scene.ops[:] = [op for op in scene.ops if op.kind == "bet"]
    scene.logged.clear()


def wrong_amount(fault: Fault) -> int:
    """Return by how much a payout is wrong: never a sum of movements."""
    return 100_003 + fault.by


def _wrong_while_immature(scene: Scene, _play: Play, fault: Fault) -> None:
    scene.lines[0].payout += wrong_amount(fault)


_STRIKES: Mapping[FaultKind, Callable[[Scene, Play, Fault], None]] = {
    FaultKind.DROPPED: _dropped,
    FaultKind.UNANSWERED: leave_unanswered,
    FaultKind.PHANTOM: _phantom,
    FaultKind.LOST: _lost,
    FaultKind.LOST_DRIFT: _lost_drift,
    FaultKind.STAKE: _stake,
    FaultKind.PAYOUT: _payout,
    FaultKind.BOTH: _both,
    FaultKind.PLAYER: _player,
    FaultKind.RESPELLED: _respelled,
    FaultKind.CURRENCY: _currency,
    FaultKind.NET: _net,
    FaultKind.AFTER: _after,
    FaultKind.TAKEN_BACK: _taken_back,
    FaultKind.UNDO_UNREPORTED: _undo_unreported,
    FaultKind.TWICE: _twice,
    FaultKind.TWICE_WRONG: _twice_wrong,
    FaultKind.TOTALS: _totals,
    FaultKind.OVERDUE: _overdue,
    FaultKind.LATE: _late,
    FaultKind.ORPHAN: _orphan,
    FaultKind.CONFLICT: _conflict,
    FaultKind.LOGGED_NOT_RECEIVED: _logged_not_received,
    FaultKind.DISPUTED: _disputed,
    FaultKind.BEFORE: _before,
    FaultKind.DRIFT: _drift,
    FaultKind.TWINS: _twins,
    FaultKind.RETURNED: _returned,
    FaultKind.BELOW_ZERO: _below_zero,
    FaultKind.UNREADABLE: _unreadable,
    FaultKind.RESTATED: _restated,
    FaultKind.RESTATED_WRONG: _restated_wrong,
    FaultKind.NOT_YET_REPORTED: _dropped,
    FaultKind.NOT_YET_RECEIVED: _not_yet_received,
    FaultKind.WIN_UNREPORTED: _win_unreported,
    FaultKind.WIN_NOT_RECEIVED: _win_not_received,
    FaultKind.UNDO_NOT_YET_REPORTED: _undo_unreported,
    FaultKind.WRONG_WHILE_IMMATURE: _wrong_while_immature,
}
