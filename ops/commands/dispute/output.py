"""Disputes as lines of at most 80 columns, and as JSON. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from breaks.disputes.claims import DisputeClaim
from breaks.disputes.model import Dispute, DisputeLine, RoundAmounts
from ops.commands.breaks.lines import signed, wrapped
from ops.settings.break_policy import exponents_of
from ops.settings.model import Settings
from vocabulary.money import Money
from vocabulary.plurals import counted


def dispute_lines(dispute: Dispute, settings: Settings, now: datetime) -> list[str]:
    """What a dispute is and how it stands."""
    counts = ", ".join(
        f"{count} {state.replace('_', ' ')}" for state, count in dispute.counts().items()
    )
    due = ""
    if dispute.due_at is not None:
        verb = "overdue since" if dispute.is_overdue(now) else "due"
        due = f", {verb} {dispute.due_at:%Y-%m-%d}"
    packs = ", ".join(str(export.number) for export in dispute.exports)
    return [
        f"{dispute.dispute_id}  {dispute.provider}  {dispute.state}{due}",
        *wrapped(
            f"opened {_minute(dispute.opened_at)} by {dispute.opened_by};"
            + (f" packs {packs};" if packs else " no pack yet;")
            + f" {counted(len(dispute.lines), 'line')}: {counts}",
            indent="  ",
        ),
        *(f"  {text}" for text in _sums(dispute, settings)),
    ]


def line_lines(line: DisputeLine, dispute: Dispute, settings: Settings) -> list[str]:
    """One line of a dispute: amounts, state and answer."""
    exponents = exponents_of(settings, dispute.provider)
    amount = f"{signed(line.difference, line.currency, exponents)} {line.currency}"
    state = line.state.replace("_", " ")
    lines = [
        f"{line.line:>4}  {amount:>20}  {state}",
        *wrapped(
            f"{line.kind.replace('_', ' ')} · round {line.alias or line.round_id} ·"
            f" {line.break_id}",
            indent="      ",
        ),
    ]
    if line.difference_now != line.difference:
        now = signed(line.difference_now, line.currency, exponents)
        lines.append(f"      the last run found {now} {line.currency}")
    if line.answer is not None:
        answer = line.answer
        text = f"{answer.answer.replace('_', ' ')} {answer.reference}".rstrip()
        comment = f": {answer.comment}" if answer.comment else ""
        lines += wrapped(
            f"{_minute(answer.imported_at)} {text}{comment} ({answer.file}, line"
            f" {answer.file_line}, by {answer.imported_by})",
            indent="      ",
        )
    return lines


def claim_lines(claims: Sequence[DisputeClaim], settings: Settings) -> list[str]:
    """Claimable money, a line for each provider, state, age and currency."""
    if not claims:
        return []
    lines = ["claimable: the provider's GGR less ours"]
    for claim in claims:
        exponents = exponents_of(settings, claim.provider)
        favours = [
            Money(minor, claim.currency).text(exponents=exponents)
            for minor in (claim.in_our_favour, claim.in_their_favour)
        ]
        net = signed(claim.net, claim.currency, exponents)
        state = claim.state.replace("_", " ")
        lines.append(
            f"  {claim.provider:<16.16} {state:<12} {claim.age:<12} {claim.lines:>6}"
            f" {net:>17} {claim.currency}"
        )
        if claim.in_our_favour and claim.in_their_favour:
            lines.append(f"    in our favour {favours[0]}, in theirs {favours[1]}")
    return lines


def dispute_json(dispute: Dispute, settings: Settings, now: datetime) -> dict[str, Any]:
    """A dispute as ``--json`` prints it, without its lines."""
    return {
        "id": dispute.dispute_id,
        "provider": dispute.provider,
        "state": dispute.state,
        "opened_at": dispute.opened_at,
        "opened_by": dispute.opened_by,
        "note": dispute.note,
        "pack": dispute.exports[-1].number if dispute.exports else None,
        "sent_at": dispute.sent_at,
        "due": dispute.due_at,
        "overdue": dispute.is_overdue(now),
        "lines": len(dispute.lines),
        "states": dispute.counts(),
        "differences": {
            currency: _text(minor, currency, dispute, settings)
            for currency, minor in _differences(dispute).items()
        },
    }


def line_json(line: DisputeLine, dispute: Dispute, settings: Settings) -> dict[str, Any]:
    """One line of a dispute with its answer."""
    answer = line.answer
    return {
        "line": line.name,
        "break": line.break_id,
        "round_id": line.round_id,
        "alias": line.alias,
        "kind": line.kind,
        "currency": line.currency,
        "ours": _side_json(line.ours, line, dispute, settings),
        "theirs": _side_json(line.theirs, line, dispute, settings),
        "difference": _text(line.difference, line.currency, dispute, settings),
        "difference_now": _text(line.difference_now, line.currency, dispute, settings),
        "state": line.state,
        "answer": answer
        and {
            "answer": answer.answer,
            "reference": answer.reference,
            "comment": answer.comment,
            "file": answer.file,
            "file_sha256": answer.file_sha256,
            "line_of_file": answer.file_line,
            "imported_by": answer.imported_by,
            "imported_at": answer.imported_at,
        },
    }


def claim_json(claim: DisputeClaim, settings: Settings) -> dict[str, Any]:
    """Claimable money of one provider, state, age and currency."""
    exponents = exponents_of(settings, claim.provider)
    return {
        "provider": claim.provider,
        "state": claim.state,
        "age": claim.age,
        "currency": claim.currency,
        "lines": claim.lines,
        **{
            name: Money(getattr(claim, name), claim.currency).text(exponents=exponents)
            for name in ("in_our_favour", "in_their_favour", "net")
        },
    }


def _minute(instant: datetime) -> str:
    """An instant for people, in UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"


def _sums(dispute: Dispute, settings: Settings) -> list[str]:
    exponents = exponents_of(settings, dispute.provider)
    return [
        f"difference {signed(minor, currency, exponents)} {currency}"
        for currency, minor in _differences(dispute).items()
    ]


def _differences(dispute: Dispute) -> dict[str, int]:
    """The differences of all lines, by currency."""
    return {
        currency: sum(line.difference for line in dispute.lines if line.currency == currency)
        for currency in sorted({line.currency for line in dispute.lines})
    }


def _side_json(
    side: RoundAmounts | None, line: DisputeLine, dispute: Dispute, settings: Settings
) -> dict[str, str] | None:
    if side is None:
        return None
    return {
        name: _text(getattr(side, name), line.currency, dispute, settings)
        for name in ("stake", "payout")
    }


def _text(minor: int, currency: str, dispute: Dispute, settings: Settings) -> str:
    exponents = exponents_of(settings, dispute.provider)
    return Money(minor, currency).text(exponents=exponents)
