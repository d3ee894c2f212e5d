"""Export a dispute: number its pack, keep the bytes, and give the same bytes every time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from breaks.disputes.exports import WrittenPack, keep_pack, kept_pack, next_number
from breaks.disputes.model import Dispute, DisputeExport
from breaks.disputes.store import get_dispute, lock_dispute
from breaks.states import ActionRefused
from breaks.store import transaction
from providers.contract import Provider
from providers.dialect import Dialect
from reports.disputes.archive import says_the_same, written_pack
from reports.disputes.content import DisputeContent, pack_name
from reports.disputes.requests import evidence_of


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputedProvider:
    """The provider of a dispute, as its settings say.

    Attributes:
        provider: with the secrets by which stored requests are verified again.
        answer_within: how long it has to answer.
    """

    dialect: Dialect
    provider: Provider
    answer_within: timedelta

    @property
    def exponents(self) -> Mapping[str, int]:
        """Its overrides of digits after the decimal point."""
        return self.provider.exponents


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedPack:
    """A numbered pack with its bytes.

    Attributes:
        name: the file's name, without a folder.
        is_new: False: nothing changed since it was written, so it is the pack of that time.
    """

    export: DisputeExport
    name: str
    content: bytes
    is_new: bool


def export_dispute(
    engine: Engine, dispute_id: str, disputed: DisputedProvider, *, by: str, now: datetime
) -> ExportedPack:
    """Write the pack of a dispute, or give the last one if nothing changed since.

    Args:
        engine: of the database.
        dispute_id: of a dispute of that provider.
        disputed: the provider.
        by: the person who exports it.
        now: the instant of the pack, if a new one is written.

    Raises:
        ActionRefused: there is no such dispute.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        lock_dispute(connection, dispute_id)
        dispute = get_dispute(connection, dispute_id)
        last = dispute.exports[-1] if dispute.exports else None
        if last is not None and _is_current(connection, dispute, disputed, last, now=now):
            return _kept(connection, dispute, last)
        number = next_number(connection, dispute.provider)
        due_at = _due_at(dispute, disputed, now)
        content = _content(
            connection,
            dispute,
            disputed,
            number=number,
            by=by,
            exported_at=now,
            due_at=due_at,
            until=now,
        )
        pack = written_pack(content)
        keep_pack(
            connection, dispute, pack, number=number, by=by, exported_at=now, due_at=due_at
        )
        export = _export(content, pack)
    return ExportedPack(
        export=export, name=f"{content.name}.zip", content=pack.content, is_new=True
    )


def pack_of(engine: Engine, dispute_id: str, number: int) -> ExportedPack:
    """A pack as it was written, byte for byte.

    Raises:
        ActionRefused: there is no such dispute, or it has no such pack.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        dispute = get_dispute(connection, dispute_id)
        for export in dispute.exports:
            if export.number == number:
                return _kept(connection, dispute, export)
    numbers = ", ".join(str(export.number) for export in dispute.exports) or "none"
    raise ActionRefused(f"{dispute_id} has no pack {number}; its packs: {numbers}")


def _due_at(dispute: Dispute, disputed: DisputedProvider, now: datetime) -> datetime:
    """A later pack repeats the due date, unless that has passed."""
    if dispute.due_at is not None and dispute.due_at > now:
        return dispute.due_at
    return now + disputed.answer_within


def _is_current(
    connection: Connection,
    dispute: Dispute,
    disputed: DisputedProvider,
    last: DisputeExport,
    *,
    now: datetime,
) -> bool:
    """Whether the evidence of now, in the words of the last pack, is what that pack says."""
    content = _content(
        connection,
        dispute,
        disputed,
        number=last.number,
        by=last.exported_by,
        exported_at=last.exported_at,
        due_at=last.due_at,
        until=now,
    )
    return says_the_same(kept_pack(connection, dispute.provider, last.number), content)


def _content(
    connection: Connection,
    dispute: Dispute,
    disputed: DisputedProvider,
    *,
    number: int,
    by: str,
    exported_at: datetime,
    due_at: datetime,
    until: datetime,
) -> DisputeContent:
    evidence = evidence_of(
        connection, dispute, dialect=disputed.dialect, provider=disputed.provider, until=until
    )
    return DisputeContent(
        dispute=dispute,
        number=number,
        exported_by=by,
        exported_at=exported_at,
        due_at=due_at,
        evidence=evidence,
        signing=disputed.dialect.signing(disputed.provider),
        exponents=disputed.exponents,
    )


def _kept(connection: Connection, dispute: Dispute, export: DisputeExport) -> ExportedPack:
    content = kept_pack(connection, dispute.provider, export.number)
    name = f"{pack_name(dispute.provider, export.number)}.zip"
    return ExportedPack(export=export, name=name, content=content, is_new=False)


def _export(content: DisputeContent, pack: WrittenPack) -> DisputeExport:
    return DisputeExport(
        number=content.number,
        exported_by=content.exported_by,
        exported_at=content.exported_at,
        due_at=content.due_at,
        document_sha256=pack.document_sha256,
        pack_sha256=pack.pack_sha256,
        size=len(pack.content),
    )
