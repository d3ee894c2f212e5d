"""Disputes: what was put before providers, their answers, and the money between us."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from breaks.disputes.claim_sums import claim_sums
from breaks.disputes.claims import DisputeClaim, claims_of
from breaks.disputes.exports import kept_pack
from breaks.disputes.model import Dispute, LineState
from breaks.disputes.paging import DisputeCounts, count_disputes, page_of_disputes
from breaks.disputes.store import disputes_named
from console.config import ConsoleConfig, Visit
from console.pages.jobs.requesting import new_request_key, request
from console.pages.packs.uploads import one_file, table_fields
from console.pages.parameters import (
    provider_named,
    read_limit,
    read_number,
    required,
    zone_values,
)
from console.rendering import signed_text
from console.replies import FileDownload, HtmlPage, SeeOther, not_found
from console.sentences import counted
from storage.audit import trail
from vocabulary.people import Right

#: Lines that the page of a dispute shows.
LINES_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeRow:
    """A dispute in the list; ``sums`` are the differences of its lines, by currency."""

    dispute: Dispute
    sums: Mapping[str, int]
    is_overdue: bool


def show_all(visit: Visit) -> HtmlPage:
    """Disputes that wait for answers, and claimable money by answer and age."""
    provider = visit.query.get("provider") or None
    if provider is not None:
        provider_named(visit.config, provider)
    with_answered = visit.query.get("state") == "all"
    with visit.console.readers.connect() as connection:
        page = page_of_disputes(
            connection,
            provider=provider,
            waiting=not with_answered,
            after=visit.query.get("after"),
            limit=read_limit(visit.query),
        )
        counts = count_disputes(connection, provider=provider, now=visit.now)
        claims = claim_sums(connection, now=visit.now, provider=provider)
    rows = [
        DisputeRow(
            dispute=dispute,
            sums=sums_of(dispute),
            is_overdue=dispute.is_overdue(visit.now),
        )
        for dispute in page.disputes
    ]
    values = {
        "sentence": _list_sentence(counts, claims, visit),
        "rows": rows,
        "after": visit.query.get("after"),
        "next": page.next,
        "total": counts.opened if with_answered else counts.waiting,
        "claims": claims,
        "provider": provider,
        "with_answered": with_answered,
        "config": visit.config,
        "may": visit.signed_in.person.may(Right.DISPUTE),
        "request_key": new_request_key(),
    }
    return HtmlPage(template="packs/disputes.html", values=values)


def show(visit: Visit) -> HtmlPage:
    """One dispute: its lines with their answers, its packs, and what comes next."""
    with visit.console.readers.connect() as connection:
        dispute = _named(visit, disputes_named(connection, [visit.path["id"]]))
        steps = trail(connection, dispute.dispute_id)
    values = {
        "sentence": _sentence(dispute, visit),
        "dispute": dispute,
        "lines": dispute.lines[:LINES_MAX],
        "sums": sums_of(dispute),
        "claims": claims_of([dispute], visit.now),
        "is_overdue": dispute.is_overdue(visit.now),
        "config": visit.config,
        "exponents": visit.config.exponents(dispute.provider),
        **zone_values(visit.config, dispute.provider),
        "trail": list(reversed(steps)),
        "may": visit.signed_in.person.may(Right.DISPUTE),
        "request_key": new_request_key(),
    }
    return HtmlPage(template="packs/dispute.html", values=values)


def export(visit: Visit) -> SeeOther:
    """Request the pack of a dispute."""
    with visit.console.readers.connect() as connection:
        dispute = _named(visit, disputes_named(connection, [visit.path["id"]]))
    return request(visit, "dispute.export", {"dispute": dispute.dispute_id})


def import_answers(visit: Visit) -> SeeOther:
    """Request the import of a provider's answers from an uploaded file."""
    slug = required(visit.form, "provider", "the provider who answers")
    arguments = {"provider": provider_named(visit.config, slug).slug, **table_fields(visit)}
    return request(visit, "dispute.import", arguments, files=[one_file(visit)])


def download_pack(visit: Visit) -> FileDownload:
    """A pack as it was written, byte for byte."""
    number = read_number("pack", visit.path["number"])
    with visit.console.readers.connect() as connection:
        dispute = _named(visit, disputes_named(connection, [visit.path["id"]]))
        if number not in {export.number for export in dispute.exports}:
            raise not_found("pack", f"{visit.path['number']} of {dispute.dispute_id}")
        content = kept_pack(connection, dispute.provider, number or 0)
    name = f"{dispute.provider}-dispute-{number:04d}.zip"
    return FileDownload(name=name, content_type="application/zip", content=content)


def sums_of(dispute: Dispute) -> dict[str, int]:
    """The differences of all lines, by currency."""
    sums: dict[str, int] = {}
    for line in dispute.lines:
        sums[line.currency] = sums.get(line.currency, 0) + line.difference
    return dict(sorted(sums.items()))


def _named(visit: Visit, disputes: Mapping[str, Dispute]) -> Dispute:
    dispute = disputes.get(visit.path["id"])
    if dispute is None:
        raise not_found("dispute", visit.path["id"])
    return dispute


def _list_sentence(counts: DisputeCounts, claims: Sequence[DisputeClaim], visit: Visit) -> str:
    if not counts.opened:
        return "Nothing was put before a provider yet."
    verb = "waits" if counts.waiting == 1 else "wait"
    late = f", {counts.overdue} of them overdue" if counts.overdue else ""
    money = _net_text(claims, visit.config)
    disputes = counted(counts.waiting, "dispute").capitalize()
    return f"{disputes} {verb} for answers{late}; claimable: {money}."


def _net_text(claims: Iterable[DisputeClaim], config: ConsoleConfig) -> str:
    """The net of claims by provider's decimal places and currency."""
    nets: dict[tuple[str, int], int] = {}
    exponents: dict[tuple[str, int], Any] = {}
    for claim in claims:
        own = config.exponents(claim.provider)
        key = (claim.currency, own.get(claim.currency, -1))
        nets[key] = nets.get(key, 0) + claim.net
        exponents[key] = own
    texts = [
        f"{signed_text(net, key[0], exponents[key])} {key[0]}" for key, net in nets.items()
    ]
    return ", ".join(texts) or "nothing"


def _sentence(dispute: Dispute, visit: Visit) -> str:
    unanswered = sum(line.state is LineState.UNANSWERED for line in dispute.lines)
    lines = len(dispute.lines)
    money = _net_text(claims_of([dispute], visit.now), visit.config)
    if not dispute.exports:
        return (
            f"{counted(lines, 'line')} for {dispute.provider}, no pack is written yet;"
            f" claimable: {money}."
        )
    if unanswered:
        late = ", which is overdue" if dispute.is_overdue(visit.now) else ""
        return (
            f"{dispute.provider} has to answer {unanswered} of {counted(lines, 'line')}{late};"
            f" claimable: {money}."
        )
    return f"Nothing is left for {dispute.provider} to answer; claimable: {money}."
