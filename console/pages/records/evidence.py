"""Stored bytes on a page: their start as text, all of them as a file, the signature anew."""

from dataclasses import dataclass

from console.config import ConsoleConfig, SignatureVerdict
from console.replies import FileDownload
from ledger.enums import OWN_SLUG
from ledger.queries.operations import BytesStart, EvidenceBytes
from providers.contract import Callback

#: What a browser stores, whatever is in it.
BYTES_TYPE = "application/octet-stream"
_OURS = SignatureVerdict(holds=None, why="our own operation, which nobody signs")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBytes:
    """Bytes of a request or a reply, with the address of all of them."""

    title: str
    content: BytesStart
    address: str


def file_of(evidence: EvidenceBytes, side: str, name: str) -> FileDownload:
    """The bytes that we received, or those that we answered; a file that no browser opens."""
    content = evidence.body if side == "request" else evidence.reply
    return FileDownload(name=f"{name}-{side}.bin", content_type=BYTES_TYPE, content=content)


def signature_of(
    config: ConsoleConfig, provider: str, evidence: EvidenceBytes, *, is_ours: bool
) -> SignatureVerdict:
    """Whether the request verifies with the secrets of today."""
    if is_ours or provider == OWN_SLUG:
        return _OURS
    callback = Callback.from_evidence(
        route=evidence.route, headers=evidence.headers, body=evidence.body
    )
    return config.check_signature(provider, callback)


def header_lines(headers: str) -> list[tuple[str, str]]:
    """The stored headers as names and values."""
    pairs = (line.partition(": ") for line in headers.split("\n") if line)
    return [(name, value) for name, _, value in pairs]
