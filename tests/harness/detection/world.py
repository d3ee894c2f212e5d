"""What each side stores of a month: our journal, the provider's history and log, the findings.

This is the honest world; ``tests.harness.detection.faults`` changes single scenes of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.harness.detection.month import WITH_BALANCES, Part, Play, System

#: The opening balance of all players but those of a fault; no month spends it.
OPENING = 50_000_000
MS = timedelta(milliseconds=1)


@dataclass(slots=True, kw_only=True)
class Op:
    """One operation of ours; ``lay_out`` fills ``seq`` and ``after``.

    Attributes:
        unanswered: it was booked, and the provider never got our answer.
    """

    system: System
    key: str
    kind: str
    player: str
    currency: str
    round_id: str
    at: datetime
    stake: int = 0
    payout: int = 0
    ends: bool = False
    refers: str | None = None
    declared: Part | None = None
    declined: bool = False
    unanswered: bool = False
    seq: int = 0
    after: int = 0

    @property
    def amount(self) -> int:
        """The signed effect on the wallet."""
        return 0 if self.declined else self.payout - self.stake


@dataclass(slots=True, kw_only=True)
class Line:
    """One line of a provider's history.

    Attributes:
        player: whose handle it has.
        net, before, after: None if this provider does not report it.
        wrong_net, wrong_before, wrong_after: by how much the line is wrong about them.
        times: how often the file has the line.
    """

    system: System
    record_id: str
    round_id: str
    player: str
    currency: str
    at: datetime
    stake: int = 0
    payout: int = 0
    rolled_back: bool = False
    wrong_net: int = 0
    wrong_before: int = 0
    wrong_after: int = 0
    times: int = 1
    net: int | None = None
    before: int | None = None
    after: int | None = None


@dataclass(slots=True, kw_only=True)
class Logged:
    """One callback in the provider's own log."""

    event: str
    round_id: str
    player: str
    currency: str
    amount: int
    at: datetime
    code: int | None = 200
    body: bytes = b""

    @property
    def key(self) -> str:
        """The key of the operation."""
        return f"{'open' if self.event == 'open-round' else 'close'}:{self.round_id}"


@dataclass(slots=True, kw_only=True)
class Finding:
    """A problem of a feed, as it was found when the feed was read."""

    system: System
    kind: str
    file: str
    line: int
    round_id: str | None = None
    currency: str | None = None
    difference: int | None = None


@dataclass(slots=True)
class Scene:
    """Everything that either side stores of one play.

    Attributes:
        deliveries: (system, operation key, verdict, instant) of requests that became no
            operation.
        drift: by how much the provider's balances are wrong from this play on.
        openings: opening balances of players that only this scene uses.
    """

    ops: list[Op] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    deliveries: list[tuple[System, str, str, datetime]] = field(default_factory=list)
    logged: list[Logged] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    drift: list[tuple[System, str, datetime, int]] = field(default_factory=list)
    openings: dict[str, int] = field(default_factory=dict)


#: The answer to every accepted callback, of which a log keeps at least the start.
REPLY = b'{"status":"success","data":{}}'


def scene(play: Play) -> Scene:
    """Return what both sides honestly store of a play."""
    honest = _SCENES[play.system](play)
    if play.late:
        honest.lines.clear()
    return honest


def op_of(play: Play, kind: str, key: str, part: Part = (0, 0), *, ms: int = 0) -> Op:
    """Return an operation of this play's round that ends it at once."""
    return Op(
        system=play.system,
        key=key,
        kind=kind,
        player=play.player,
        currency=play.currency,
        round_id=play.round_id,
        at=play.began + ms * MS,
        stake=part[0],
        payout=part[1],
        ends=True,
    )


def line_of(play: Play, part: Part, record_id: str, *, ms: int = 0) -> Line:
    """Return a line of this play's round."""
    return Line(
        system=play.system,
        record_id=record_id,
        round_id=play.reported_id,
        player=play.player,
        currency=play.currency,
        at=play.began + play.ahead + ms * MS,
        stake=part[0],
        payout=part[1],
    )


def _aggregator(play: Play) -> Scene:
    name = play.round_id
    bet = op_of(play, "bet", f"bet:{name}", (play.stake, 0))
    win = op_of(play, "win", f"settle-bet:{name}", (0, play.payout))
    end = op_of(play, "round_end", f"bet-end:{name}")
    win.at = end.at = play.began + play.lasts
    win.refers = bet.key
    bet.ends = win.ends = False
    end.declared = (play.stake, play.payout)
    ops = [bet, win, end] if play.payout else [bet, end]
    record = play.reported_id.removeprefix("history:")
    return Scene(ops, [line_of(play, (play.stake, play.payout), record)])


def _xigs(play: Play) -> Scene:
    name = play.round_id
    opened = op_of(play, "bet", f"open:{name}", (play.stake, 0))
    opened.ends = False
    closed = op_of(play, "win", f"close:{name}", (0, play.payout))
    closed.at, closed.refers = play.began + play.lasts, opened.key
    ops = [opened] if play.open else [opened, closed]
    result = Scene(ops, [line_of(play, (play.stake, play.payout), name)])
    if play.number % 2:
        result.logged = [logged(op) for op in ops]
    return result


def logged(op: Op) -> Logged:
    """Return what the scratch-card platform logs of an operation that it called us about."""
    opens = op.kind == "bet"
    return Logged(
        event="open-round" if opens else "close-round",
        round_id=op.round_id,
        player=op.player,
        currency=op.currency,
        amount=op.stake if opens else op.payout,
        at=op.at,
        body=REPLY[: len(REPLY) if opens else 8],
    )


def _sportsbook(play: Play) -> Scene:
    name, part = play.round_id, play.parts[0]
    kind = "bet" if part[0] else "win"
    result = Scene([op_of(play, kind, name, part)], [line_of(play, part, name)])
    if play.undone:
        undo = op_of(play, "rollback", f"{name}-undo", (-part[0], -part[1]))
        undo.at, undo.refers = play.began + play.lasts, name
        result.ops.append(undo)
        result.lines.append(undo_line(play))
    return result


def undo_line(play: Play) -> Line:
    """Return the sportsbook's line that rolls a transaction back."""
    line = line_of(play, (0, 0), f"{play.round_id}-undo", ms=2_000)
    line.rolled_back = True
    return line


def _agent(play: Play) -> Scene:
    result = Scene()
    for place, part in enumerate(play.parts):
        key = f"{play.round_id}.{place}"
        result.ops.append(op_of(play, "bet_and_win", key, part, ms=place))
        result.lines.append(line_of(play, part, key, ms=place))
        if play.undone:
            back = (-part[0], -part[1])
            undo = op_of(play, "rollback", f"{key}-undo", back, ms=place + 50)
            undo.refers = key
            result.ops.append(undo)
            result.lines.append(line_of(play, back, f"{key}-undo", ms=place + 50))
    return result


_SCENES = {
    System.NAMED: _aggregator,
    System.UNNAMED: _aggregator,
    System.XIGS: _xigs,
    System.SPORTSBOOK: _sportsbook,
    System.AGENT: _agent,
}


@dataclass(slots=True)
class World:
    """A whole month: chains are numbered, and the aggregator's balances are filled in."""

    ops: list[Op]
    lines: list[Line]
    deliveries: list[tuple[System, str, str, datetime]]
    logged: list[Logged]
    findings: list[Finding]
    chains: dict[tuple[str, str], list[Op]]


def lay_out(scenes: Iterable[Scene]) -> World:
    """Number every wallet's chain, and fill in the balances of providers that report them."""
    stored = list(scenes)
    openings = {p: balance for scene in stored for p, balance in scene.openings.items()}
    ops = sorted((op for scene in stored for op in scene.ops), key=lambda op: op.at)
    chains: dict[tuple[str, str], list[Op]] = {}
    for op in ops:
        chain = chains.setdefault((op.player, op.currency), [])
        balance = chain[-1].after if chain else openings.get(op.player, OPENING)
        op.seq, op.after = len(chain) + 1, balance + op.amount
        chain.append(op)
    drifts: dict[tuple[System, str], list[tuple[datetime, int]]] = {}
    for system, player, since, amount in (drift for scene in stored for drift in scene.drift):
        drifts.setdefault((system, player), []).append((since, amount))
    lines = [line for scene in stored for line in scene.lines]
    first = {(op.system, op.round_id): op for op in reversed(ops)}
    for line in lines:
        if line.system in WITH_BALANCES:
            _balance(line, chains, first, openings, drifts)
    return World(
        ops=ops,
        lines=lines,
        deliveries=[delivery for scene in stored for delivery in scene.deliveries],
        logged=[entry for scene in stored for entry in scene.logged],
        findings=[finding for scene in stored for finding in scene.findings],
        chains=chains,
    )


def _balance(
    line: Line,
    chains: dict[tuple[str, str], list[Op]],
    first: dict[tuple[System, str], Op],
    openings: dict[str, int],
    drifts: dict[tuple[System, str], list[tuple[datetime, int]]],
) -> None:
    op = first.get((line.system, _our_round_id(line)))
    if op is None:
        chain = chains.get((line.player, line.currency), [])
        earlier = [op for op in chain if op.at <= line.at]
        balance = earlier[-1].after if earlier else openings.get(line.player, OPENING)
    else:
        balance = op.after - op.amount
    at, player = (line.at, line.player) if op is None else (op.at, op.player)
    drift = sum(d for since, d in drifts.get((line.system, player), ()) if since < at)
    net = line.payout - line.stake
    line.before = balance + drift + line.wrong_before
    line.after = line.before + net + line.wrong_after
    line.net = net + line.wrong_net


def _our_round_id(line: Line) -> str:
    if line.system is System.UNNAMED and line.record_id.startswith("h"):
        return "r" + line.record_id[1:]
    return line.round_id
