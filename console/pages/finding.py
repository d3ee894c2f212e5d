"""Find anything: what one thing answers opens its page, several things are listed by kind."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.addresses import fact_address, hit_address
from console.config import Visit
from console.pages.parameters import read_day
from console.replies import HtmlPage, Reply, SeeOther
from reports.find.hits import Findings, Hit, SearchScope
from reports.find.query import FoundKind
from reports.find.search import find_anything, searchable
from vocabulary.people import Right

#: Most hits that are listed.
HITS_MAX = 30
#: What brings a hit back whose rows left for an archive, by its kind; records follow a round.
_RECALLED_AS = {FoundKind.ROUND: "round", FoundKind.TRANSACTION: "operation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HitGroup:
    """The hits of one kind, each with the address of its page; empty: it has none."""

    kind: FoundKind
    hits: tuple[tuple[Hit, str], ...]


def show(visit: Visit) -> Reply:
    """What a text may name; what only one page answers is opened at once."""
    text = visit.query.get("q", "").strip()
    if not text:
        return _page(visit, None)
    findings = search(visit, text, HITS_MAX)
    only = only_address(findings)
    return SeeOther(path=only) if only else _page(visit, findings)


def search(visit: Visit, text: str, limit: int) -> Findings:
    """Everything that a text names, at most ``limit`` hits."""
    scope = SearchScope(
        zones=visit.config.zones,
        exponents={term.slug: term.exponents for term in visit.config.providers},
        day=read_day(visit.query.get("day")),
        limit=limit,
    )
    return find_anything(visit.console.readers, text, scope)


def only_address(findings: Findings) -> str:
    """The one page that all exact hits have; empty: there are several, or none."""
    operations = {_their_id(hit) for hit in findings.hits if hit.kind is FoundKind.TRANSACTION}
    addresses = {
        hit_address(hit) if hit.exact else ""
        for hit in findings.hits
        # The page of an operation lists the requests under its id.
        if not (hit.kind is FoundKind.REQUEST and _their_id(hit) in operations)
    }
    return addresses.pop() if len(addresses) == 1 and not findings.cut else ""


def _their_id(hit: Hit) -> tuple[str | None, str]:
    return hit.provider, hit.facts.get("their id", hit.id)


def grouped(hits: Sequence[Hit]) -> list[HitGroup]:
    """The hits by kind; the kind of the best hit comes first."""
    kinds: dict[FoundKind, list[tuple[Hit, str]]] = {}
    for hit in hits:
        kinds.setdefault(hit.kind, []).append((hit, hit_address(hit)))
    return [HitGroup(kind=kind, hits=tuple(pairs)) for kind, pairs in kinds.items()]


def _page(visit: Visit, findings: Findings | None) -> HtmlPage:
    values = {
        "findings": findings,
        "groups": grouped(findings.hits) if findings else [],
        "searchable": searchable(),
        "fact_address": fact_address,
        "hits_max": HITS_MAX,
        "recalled_as": _RECALLED_AS if visit.signed_in.person.may(Right.ARCHIVE) else {},
    }
    return HtmlPage(template="find.html", values=values)
