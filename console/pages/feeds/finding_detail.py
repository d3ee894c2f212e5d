"""One finding about a feed or a closed day: what shows it, and a person who resolves it."""

from typing import Any

from console.acting import writers_for
from console.config import Visit
from console.pages.parameters import read_name, read_text, zone_values
from console.pages.stale_forms import stale_form
from console.replies import HtmlPage, RequestRefused, SeeOther, not_found
from feeds.findings import FeedFinding, finding_named, lock_finding, resolve_for_reason
from feeds.statements.file_details import file_of_name
from storage.audit import trail
from storage.transactions import transaction
from vocabulary.errors import NotAllowed
from vocabulary.people import Right

#: Longest reason, in characters.
REASON_CHARS_MAX = 4_000


def show(visit: Visit) -> HtmlPage:
    """The finding with its evidence and history, and the form that resolves it."""
    finding_id = read_name("finding", visit.path["id"])
    with visit.console.readers.connect() as connection:
        finding = finding_named(connection, finding_id)
        if finding is None:
            raise not_found("finding", finding_id)
        values: dict[str, Any] = {
            "finding": finding,
            "file_id": file_of_name(connection, finding.provider, finding.file),
            "steps": trail(connection, finding.id),
        }
    values |= {
        "sentence": state_of(finding),
        **zone_values(visit.config, finding.provider),
        "exponents": visit.config.exponents(finding.provider),
        "may_resolve": visit.signed_in.person.may(Right.RESOLVE_FINDINGS),
    }
    return HtmlPage(template="feeds/finding.html", values=values)


def resolve(visit: Visit) -> SeeOther:
    """Resolve the finding that the page showed, for a reason."""
    finding_id = read_name("finding", visit.path["id"])
    person = visit.signed_in.person
    with transaction(
        writers_for(visit.console, person), f"the finding {finding_id}"
    ) as connection:
        finding = lock_finding(connection, finding_id)
        if finding is None:
            raise not_found("finding", finding_id)
        if finding.version != visit.form.get("version", ""):
            raise _stale(visit, finding)
        if finding.resolved_at is not None:
            raise NotAllowed(f"{finding_id} is resolved already")
        reason = read_text(visit.form, "reason", most=REASON_CHARS_MAX, meaning="a reason")
        resolve_for_reason(connection, finding_id, by=person.name, reason=reason, now=visit.now)
    return SeeOther(path=f"/findings/{finding_id}?done=saved")


def state_of(finding: FeedFinding) -> str:
    """What the finding is and how it stands, in a sentence."""
    kind = str(finding.kind).replace("_", " ").capitalize()
    if finding.resolved_at is None:
        why = (
            "records of the provider may be missing"
            if finding.severity == "error"
            else "every record is stored"
        )
        return f"{kind} at {finding.provider}: {why}."
    if finding.resolved_by:
        return f"{kind} at {finding.provider} is resolved by {finding.resolved_by}."
    return f"{kind} at {finding.provider} holds no more."


def _stale(visit: Visit, finding: FeedFinding) -> RequestRefused:
    return stale_form(
        visit,
        subject="The finding",
        what=finding.id,
        back=f"/findings/{finding.id}",
        now_is=f"{state_of(finding)} {finding.detail}",
    )
