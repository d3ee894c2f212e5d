"""Everything that a provider's feeds brought: findings, statements and pulls, in pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from console.config import ProviderTerms, Visit
from console.pages.feeds.feed_list import feeds_of_term
from console.pages.parameters import provider_named, read_limit
from console.replies import HtmlPage
from console.sentences import counted
from feeds.findings import finding_named, findings_of
from feeds.overview import count_pulls, last_files, last_pulls
from vocabulary.cursors import cut_page, parts_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """One page of a list; ``next`` is the cursor of the next one, None after the last."""

    items: Sequence[Any]
    total: int
    next: str | None


def show_findings(visit: Visit) -> HtmlPage:
    """The open findings of a provider, errors first."""
    term = provider_named(visit.config, visit.path["provider"])
    limit, (after,) = read_limit(visit.query), _position(visit, str)
    with visit.console.readers.connect() as connection:
        feeds = feeds_of_term(connection, term, visit.now)
        last = None if after is None else finding_named(connection, after)
        findings = findings_of(connection, term.slug, most=limit + 1, after=last)
    total = feeds.errors + feeds.warnings
    shown, cursor = cut_page(findings, limit, lambda finding: (finding.id,))
    verb = "is" if total == 1 else "are"
    return _html(
        visit,
        term,
        "findings",
        f"{counted(total, 'finding').capitalize()} of {term.slug} {verb} open, errors first.",
        ListPage(items=shown, total=total, next=cursor),
    )


def show_files(visit: Visit) -> HtmlPage:
    """The statement files of a provider, the newest first."""
    term = provider_named(visit.config, visit.path["provider"])
    limit, (before,) = read_limit(visit.query), _position(visit, int)
    with visit.console.readers.connect() as connection:
        total = feeds_of_term(connection, term, visit.now).files
        files = last_files(connection, term.slug, most=limit + 1, before=before)
    shown, cursor = cut_page(files, limit, lambda file: (file.file_id,))
    return _html(
        visit,
        term,
        "files",
        f"{counted(total, 'statement file').capitalize()} of {term.slug}, the newest first.",
        ListPage(items=shown, total=total, next=cursor),
    )


def show_pulls(visit: Visit) -> HtmlPage:
    """The stored pulls of a provider, the newest first."""
    term = provider_named(visit.config, visit.path["provider"])
    limit, (before,) = read_limit(visit.query), _position(visit, int)
    with visit.console.readers.connect() as connection:
        total = count_pulls(connection, term.slug)
        pulls = last_pulls(connection, term.slug, most=limit + 1, before=before)
    shown, cursor = cut_page(pulls, limit, lambda pull: (pull.pull_id,))
    return _html(
        visit,
        term,
        "pulls",
        f"{counted(total, 'pull').capitalize()} of {term.slug}, the newest first.",
        ListPage(items=shown, total=total, next=cursor),
    )


def _position(visit: Visit, kind: type) -> tuple[Any]:
    """The value behind which the page begins; None: the list begins."""
    return parts_of(visit.query.get("after"), kind) or (None,)


def _html(
    visit: Visit, term: ProviderTerms, listed: str, sentence: str, page: ListPage
) -> HtmlPage:
    values = {
        "term": term,
        "listed": listed,
        "sentence": sentence,
        "page": page,
        "after": visit.query.get("after"),
    }
    return HtmlPage(template="feeds/listed.html", values=values)
