"""The letter of a dispute pack, as PDF: what is disputed, and how to check and answer it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from breaks.disputes.model import DisputeLine, RoundAmounts
from reports.disputes.content import DisputeContent, reason_of, their_round
from reports.disputes.document import DIFFERENCE, HASH_LIST
from reports.files import typeset

_TEMPLATE = Path(__file__).with_name("letter.typ")


def letter(content: DisputeContent) -> bytes:
    """The PDF; the same content gives the same bytes."""
    return typeset.pdf(_TEMPLATE.read_bytes(), letter_json(content))


def letter_json(content: DisputeContent) -> dict[str, Any]:
    """What the template shows, as texts."""
    dispute = content.dispute
    return {
        "title": f"Disputed rounds of {dispute.provider}",
        "pack": str(content.number),
        "dispute": dispute.dispute_id,
        "provider": dispute.provider,
        "opened": f"{_day(dispute.opened_at)} by {dispute.opened_by}",
        "exported": f"{_day(content.exported_at)} by {content.exported_by}",
        "answer_by": _day(content.due_at),
        "note": dispute.note,
        "count": len(dispute.lines),
        "difference_means": DIFFERENCE,
        "hash_list": HASH_LIST,
        "totals": [
            [
                total.currency,
                str(total.lines),
                _text(content, total.our_ggr, total.currency),
                _text(content, total.their_ggr, total.currency),
                _signed(content, total.difference, total.currency),
            ]
            for total in content.totals
        ],
        "signing": {
            "digest": content.signing.digest,
            "place": content.signing.place,
            "text": content.signing.text,
            "command": content.signing.command,
        },
        "lines": [_line(content, line) for line in dispute.lines],
    }


def _line(content: DisputeContent, line: DisputeLine) -> dict[str, Any]:
    evidence = content.evidence[line.line]
    return {
        "line": str(line.line),
        "round": their_round(line),
        "player": evidence.player or "",
        "at": _minute(line.began_at),
        "reason": reason_of(line),
        "currency": line.currency,
        "ours": _side(content, line.ours, line.currency),
        "yours": _side(content, line.theirs, line.currency),
        "difference": _signed(content, line.difference, line.currency),
        "requests": str(len(evidence.requests) + evidence.left_out),
    }


def _side(content: DisputeContent, amounts: RoundAmounts | None, currency: str) -> list[str]:
    if amounts is None:
        return ["\N{EN DASH}", "\N{EN DASH}"]
    return [_text(content, minor, currency) for minor in (amounts.stake, amounts.payout)]


def _signed(content: DisputeContent, minor: int, currency: str) -> str:
    text = _text(content, minor, currency)
    return f"+{text}" if minor > 0 else text


def _text(content: DisputeContent, minor: int, currency: str) -> str:
    return content.text(minor, currency).replace("-", "\N{MINUS SIGN}")


def _day(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d}"


def _minute(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"
