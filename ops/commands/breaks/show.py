"""One break for people: both sides, every source's word, its history, what to do next. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from breaks.corrections.suggestions import suggested_corrections
from breaks.impact import InvoiceImpact, invoice_impact
from breaks.kinds import BreakKind, impact_of
from breaks.lists.queries import BreakHistory
from breaks.sources import SourceWord
from breaks.states import ActionRefused, BreakState
from breaks.store import TrackedBreak
from ops.commands.breaks.lines import WIDTH, signed, wrapped
from ops.commands.breaks.trial import trial_lines
from ops.commands.tables import instant
from ops.settings.break_policy import exponents_of
from ops.settings.model import Settings
from reports.grid import WHO_OWES
from vocabulary.money import Money
from vocabulary.plurals import counted

_NAME_WIDTH = 12
_SIDE_WIDTH = (WIDTH - _NAME_WIDTH - 2) // 2
_INVOICE = {
    InvoiceImpact.HIGHER: "the provider's GGR is higher than ours by",
    InvoiceImpact.LOWER: "the provider's GGR is lower than ours by",
}


def history_lines(
    history: BreakHistory,
    sources: Sequence[SourceWord],
    settings: Settings,
    *,
    can_ask: bool,
    show_bytes: bool,
) -> Iterator[str]:
    """All there is to know about one break, in lines of at most 80 columns."""
    break_ = history.break_
    exponents = exponents_of(settings, break_.provider)
    yield f"{break_.break_id}  {break_.state}  {break_.kind}  {break_.impact}"
    yield from wrapped(break_.explanation)
    yield from wrapped(impact_sentence(break_, exponents))
    yield f"found {instant(break_.first_seen)}, opened {instant(break_.opened_at)}"
    yield ""
    yield from side_lines(break_)
    yield ""
    for source in sources:
        yield from source_lines(source, show_bytes=show_bytes)
    yield from _note_lines(history)
    yield from _decision_lines(history, exponents)
    yield from trial_lines(break_)
    for row in history.trail:
        yield f"{instant(row.at)} {row.actor} {row.action} {row.detail.get('why', '')}".rstrip()
    yield ""
    yield from (f"→ {command}" for command in next_commands(break_, exponents, can_ask=can_ask))


def impact_sentence(break_: TrackedBreak, exponents: Mapping[str, int]) -> str:
    """Who owes whom, between us and the player, and what it does to the provider's invoice."""
    effects, currency = break_.effects, break_.currency

    def money(minor: int) -> str:
        return Money(abs(minor), currency).text_with_currency(exponents=exponents)

    impact = str(impact_of(effects.player))
    player = WHO_OWES[impact] if effects.player else "nobody owes anything"
    amount = f" {money(effects.player)}" if effects.player else ""
    direction = _INVOICE.get(invoice_impact(break_.kind, break_.difference))
    invoice = f"{direction} {money(effects.invoice)}" if direction else "no invoice counts it"
    return f"Player: {player}{amount}. Provider: {invoice}."


def side_lines(break_: TrackedBreak) -> Iterator[str]:
    """Both sides as two columns; a mark shows where they differ."""
    ours, theirs = break_.ours or {}, break_.theirs or {}
    yield _columns("", "ours", break_.provider, mark=" ")
    if break_.ours is None and break_.theirs is None:
        yield _columns("", "no round compared", "no round compared", mark=" ")
        return
    for name in dict.fromkeys([*ours, *theirs]):
        values = [_value(side, name) for side in (ours, theirs)]
        mark = "≠" if values[0] != values[1] and name not in {"at", "records"} else " "
        yield _columns(name.replace("_", " "), *values, mark=mark)


def _value(side: Mapping[str, Any], name: str) -> str:
    return str(side.get(name, "-")) if side else "-"


def _columns(name: str, ours: str, theirs: str, *, mark: str) -> str:
    return f"{name:<{_NAME_WIDTH}}{ours:<{_SIDE_WIDTH}}{mark} {theirs}".rstrip()


def source_lines(source: SourceWord, *, show_bytes: bool) -> Iterator[str]:
    """What one source says, and its bytes if they are wanted."""
    yield f"{source.source} {source.id}, {instant(source.at)}"
    yield from wrapped(source.words, indent="  ")
    if not show_bytes:
        return
    for name, content in (("received", source.received), ("answered", source.answered)):
        if content is not None:
            yield f"  {name}, {counted(len(content), 'byte')}:"
            yield from (f"    {line}" for line in bytes_text(content).splitlines() or [""])


def bytes_text(content: bytes) -> str:
    """Bytes as text, with escapes for what is not printable UTF-8."""
    text = content.decode("utf-8", "backslashreplace")
    return "".join(
        char if char.isprintable() or char in "\n\t" else repr(char)[1:-1] for char in text
    )


def source_json(source: SourceWord, *, show_bytes: bool) -> dict[str, Any]:
    """What one source says, as JSON; bytes as text with escapes."""
    document: dict[str, Any] = {
        "source": source.source,
        "at": source.at,
        "id": source.id,
        "words": source.words,
    }
    if show_bytes:
        for name, content in (("received", source.received), ("answered", source.answered)):
            document[name] = None if content is None else bytes_text(content)
    return document


def next_commands(
    break_: TrackedBreak, exponents: Mapping[str, int], *, can_ask: bool
) -> list[str]:
    """The commands that lead on from this break, the most useful first.

    ``can_ask``: the provider can be asked about one bet.
    """
    name, reason = break_.break_id, "--reason WHY"
    match break_.state:
        case BreakState.PROPOSED | BreakState.WRITE_OFF_PROPOSED:
            return [
                f"tieout breaks approve {name}",
                f"tieout breaks reject {name} {reason}",
            ]
        case BreakState.APPROVED:
            return [f"tieout breaks approve {name}"]
        case BreakState.POSTED | BreakState.CLOSED | BreakState.WRITTEN_OFF:
            return [f"tieout breaks reopen {name} {reason}"]
        case _:
            return _open_commands(break_, exponents, reason, can_ask=can_ask)


def _open_commands(
    break_: TrackedBreak, exponents: Mapping[str, int], reason: str, *, can_ask: bool
) -> list[str]:
    name = break_.break_id
    commands = []
    if not break_.player_known and break_.kind is BreakKind.MISSING_IN_LEDGER:
        commands.append("tieout players import FILE")
    elif _is_correctable(break_, exponents):
        commands.append(f"tieout breaks propose {name} {reason}")
    if can_ask and break_.answer is None:
        commands.append(f"tieout breaks evidence {name}")
    if break_.effects.invoice:
        commands.append(f"tieout breaks write-off {name} {reason}")
    return [
        *commands,
        f"tieout breaks wait {name} {reason}",
        f"tieout breaks explain {name} {reason}",
    ]


def _is_correctable(break_: TrackedBreak, exponents: Mapping[str, int]) -> bool:
    try:
        return bool(suggested_corrections(break_, exponents))
    except ActionRefused:
        return False


def _note_lines(history: BreakHistory) -> Iterator[str]:
    for note in history.notes:
        digest = (
            f" sha256 {note.digest}, {counted(note.size or 0, 'byte')}" if note.digest else ""
        )
        yield f"{instant(note.at)} {note.author} {note.kind}: {note.body}{digest}"


def _decision_lines(history: BreakHistory, exponents: Mapping[str, int]) -> Iterator[str]:
    for adjustment in history.adjustments:
        amount = signed(adjustment.amount, adjustment.currency, exponents)
        proposal = f"{amount} {adjustment.currency} by {adjustment.proposed_by}"
        yield f"{adjustment.id} {adjustment.state} {proposal}: {adjustment.reason}"
    for write_off in history.write_offs:
        amount = f"{signed(write_off.amount, write_off.currency, exponents)}"
        proposal = f"{amount} {write_off.currency} by {write_off.proposed_by}"
        yield f"{write_off.write_off_id} {write_off.state} {proposal}: {write_off.reason}"
