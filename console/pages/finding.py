"""Find anything: one hit opens its page, several are listed."""

from console.config import Visit
from console.pages.parameters import read_day
from console.replies import HtmlPage, Reply, SeeOther
from reports.find.hits import Findings, Hit, SearchScope
from reports.find.query import FoundKind
from reports.find.search import find_anything

#: Most hits that are listed.
HITS_MAX = 30


def show(visit: Visit) -> Reply:
    """What a text may name; the only exact hit with a page of its own is opened at once."""
    text = visit.query.get("q", "").strip()
    if not text:
        return HtmlPage(template="find.html", values={"findings": None, "links": {}})
    findings = search(visit, text, HITS_MAX)
    if len(findings.hits) == 1 and findings.hits[0].exact:
        path = path_of(findings.hits[0])
        if path:
            return SeeOther(path=path)
    links = {(hit.kind, hit.id): path_of(hit) for hit in findings.hits}
    return HtmlPage(template="find.html", values={"findings": findings, "links": links})


def search(visit: Visit, text: str, limit: int) -> Findings:
    """Everything that a text names, at most ``limit`` hits."""
    scope = SearchScope(
        zones=visit.config.zones,
        exponents={term.slug: term.exponents for term in visit.config.providers},
        day=read_day(visit.query.get("day")),
        limit=limit,
    )
    return find_anything(visit.console.readers, text, scope)


def path_of(hit: Hit) -> str:
    """The page of a hit; empty: it has none yet, its facts say what is known."""
    match hit.kind:
        case FoundKind.BREAK:
            return f"/breaks/{hit.id}"
        case FoundKind.RUN:
            return f"/runs/{hit.id}"
        case FoundKind.WRITE_OFF:
            return f"/breaks/{hit.facts['break']}"
        case _:
            return ""
