"""Number the packs of disputes and keep their bytes, so that one can be written again.

Tables written: ``dispute_exports``, ``audit``.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from breaks.disputes.model import Dispute
from breaks.states import ActionRefused
from storage.audit import record

#: Names the lock under which a provider's next number is found.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('dispute pack of ' || :provider, 0))"
_NEXT = """
SELECT coalesce(max(number), 0) + 1 FROM dispute_exports WHERE provider = :provider
"""
_KEEP = """
INSERT INTO dispute_exports (provider, number, dispute_id, exported_by, exported_at, due_at,
                             document_sha256, pack_sha256, pack)
VALUES (:provider, :number, :dispute_id, :by, :at, :due_at, :document_sha256, :pack_sha256,
        :pack)
"""
_PACK = "SELECT pack FROM dispute_exports WHERE provider = :provider AND number = :number"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPack:
    """The archive of a dispute and its hashes."""

    content: bytes
    document_sha256: str
    pack_sha256: str


def next_number(connection: Connection, provider: str) -> int:
    """The number of a provider's next pack; nobody else gets it until the transaction ends."""
    connection.execute(text(_LOCK), {"provider": provider})
    return int(connection.execute(text(_NEXT), {"provider": provider}).scalar_one())


def keep_pack(
    connection: Connection,
    dispute: Dispute,
    pack: WrittenPack,
    *,
    number: int,
    by: str,
    exported_at: datetime,
    due_at: datetime,
) -> None:
    """Keep a pack under its number."""
    params = {
        "provider": dispute.provider,
        "number": number,
        "dispute_id": dispute.dispute_id,
        "by": by,
        "at": exported_at,
        "due_at": due_at,
        "document_sha256": pack.document_sha256,
        "pack_sha256": pack.pack_sha256,
        "pack": pack.content,
    }
    connection.execute(text(_KEEP), params)
    detail = {"pack": number, "sha256": pack.pack_sha256, "due": due_at.isoformat()}
    record(connection, by, "dispute.exported", dispute.dispute_id, detail)


def kept_pack(connection: Connection, provider: str, number: int) -> bytes:
    """The bytes of a pack as they were written.

    Raises:
        ActionRefused: there is no such pack.
    """
    params = {"provider": provider, "number": number}
    content = connection.execute(text(_PACK), params).scalar_one_or_none()
    if content is None:
        raise ActionRefused(f"there is no pack {number} of {provider}")
    return bytes(content)
