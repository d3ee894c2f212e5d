"""The JSON document of a dispute pack; `pack.schema.json` beside this module describes it."""

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from breaks.disputes.model import DisputeLine, RoundAmounts
from reports.disputes.content import (
    DisputeContent,
    reason_of,
    request_files,
    their_round,
)
from reports.disputes.requests import SignedRequest
from vocabulary.clock import iso

#: The version of the document; a reader refuses one that it does not know.
FORMAT = "tieout-dispute-pack/1"
#: The list of hashes of all files but the document itself, which names it.
HASH_LIST = "SHA256SUMS"
DIFFERENCE = (
    "Your GGR less ours, GGR being stake less payout. Plus: you count more than the requests"
    " that you sent us, so an invoice by GGR is too high."
)


def document_bytes(content: DisputeContent, files: Mapping[str, bytes]) -> bytes:
    """The document as UTF-8 JSON.

    Args:
        content: what the pack shows.
        files: the other files of the pack, by path, the list of hashes included.
    """
    document = {
        **dispute_json(content),
        "files": [
            {"path": path, "bytes": len(data), "sha256": sha256(data).hexdigest()}
            for path, data in sorted(files.items())
            if path != HASH_LIST
        ],
        "hash_list": {
            "path": HASH_LIST,
            "algorithm": "sha256",
            "sha256": sha256(files[HASH_LIST]).hexdigest(),
        },
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def dispute_json(content: DisputeContent) -> dict[str, Any]:
    """The document without the list of files."""
    dispute = content.dispute
    return {
        "format": FORMAT,
        "provider": dispute.provider,
        "dispute": dispute.dispute_id,
        "pack": content.number,
        "opened_at": iso(dispute.opened_at),
        "opened_by": dispute.opened_by,
        "exported_at": iso(content.exported_at),
        "exported_by": content.exported_by,
        "answer_by": iso(content.due_at),
        "note": dispute.note,
        "difference_means": DIFFERENCE,
        "totals": [
            {
                "currency": total.currency,
                "lines": total.lines,
                "our_ggr": content.text(total.our_ggr, total.currency),
                "your_ggr": content.text(total.their_ggr, total.currency),
                "difference": content.text(total.difference, total.currency),
            }
            for total in content.totals
        ],
        "signing": {
            "digest": content.signing.digest,
            "signature_in": content.signing.place,
            "signed_text": content.signing.text,
            "command": content.signing.command,
        },
        "lines": [_line(content, line) for line in dispute.lines],
    }


def _line(content: DisputeContent, line: DisputeLine) -> dict[str, Any]:
    evidence = content.evidence[line.line]
    return {
        "line": line.name,
        "round_id": their_round(line),
        "round_id_in_requests": line.round_id,
        "player": evidence.player,
        "happened_at": _instant(line.began_at),
        "kind": str(line.kind),
        "reason": reason_of(line),
        "currency": line.currency,
        "ours": _side(content, line.ours, line.currency),
        "yours": _side(content, line.theirs, line.currency),
        "difference": content.text(line.difference, line.currency),
        "your_records": list(evidence.records),
        "requests": [
            _request(content, line, number, request)
            for number, request in enumerate(evidence.requests, start=1)
        ],
        "requests_left_out": evidence.left_out,
    }


def _side(
    content: DisputeContent, amounts: RoundAmounts | None, currency: str
) -> dict[str, str] | None:
    if amounts is None:
        return None
    return {
        "stake": content.text(amounts.stake, currency),
        "payout": content.text(amounts.payout, currency),
    }


def _request(
    content: DisputeContent, line: DisputeLine, number: int, request: SignedRequest
) -> dict[str, Any]:
    paths = {part: path for part, (path, _) in request_files(line, number, request).items()}
    signed = None if request.signed is None else paths.get("signed", paths["request.body"])
    return {
        "operation": request.operation,
        "kind": request.kind,
        "outcome": request.outcome,
        "amount": content.request_amount(request),
        "currency": request.currency,
        "received_at": iso(request.received_at),
        "route": request.route,
        "headers_file": paths["request.headers"],
        "request_file": paths["request.body"],
        "signature": request.signature,
        "signed_text_file": signed,
        "reply_status": request.reply_status,
        "reply_file": paths["reply.body"],
    }


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else iso(instant)
