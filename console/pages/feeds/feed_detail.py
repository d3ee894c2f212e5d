"""The feeds of one provider: statements, pulls, findings; upload a statement, pull now."""

from console.config import ProviderTerms, Visit
from console.pages.feeds.feed_list import feeds_of_term, is_stale
from console.pages.jobs.requesting import new_request_key, request
from console.pages.parameters import provider_named
from console.replies import HtmlPage, SeeOther
from console.sentences import counted
from feeds.findings import findings_of
from feeds.overview import ProviderFeeds, count_pulls, last_files, last_pulls
from storage.jobs.queries import jobs_before
from vocabulary.errors import Malformed
from vocabulary.people import Right

#: Rows of each list.
FILES_MAX, PULLS_MAX, FINDINGS_MAX, JOBS_MAX = 20, 20, 20, 20
_KINDS = ("feed.preview", "feed.import", "feed.pull")


def show(visit: Visit) -> HtmlPage:
    """Everything about a provider's feeds."""
    term = provider_named(visit.config, visit.path["provider"])
    with visit.console.readers.connect() as connection:
        feeds = feeds_of_term(connection, term, visit.now)
        jobs = jobs_before(connection, kinds=_KINDS, limit=JOBS_MAX)
        values = {
            "term": term,
            "feeds": feeds,
            "sentence": _sentence(visit, term, feeds),
            "files": last_files(connection, term.slug, most=FILES_MAX),
            "pulls": last_pulls(connection, term.slug, most=PULLS_MAX),
            "pulls_total": count_pulls(connection, term.slug),
            "findings": findings_of(connection, term.slug, most=FINDINGS_MAX),
            "jobs": [job for job in jobs if job.arguments.get("provider") == term.slug],
            "may_import": visit.signed_in.person.may(Right.IMPORT_FEEDS),
            "bytes_max": visit.config.upload_bytes_max,
            "request_key": new_request_key(),
        }
    return HtmlPage(template="feeds/feed.html", values=values)


def upload(visit: Visit) -> SeeOther:
    """Have an uploaded statement previewed; nothing but the file is stored."""
    term = provider_named(visit.config, visit.path["provider"])
    files = [file for file in visit.files if file.field == "statement"]
    if len(files) != 1:
        raise Malformed("statement", "one file is expected; choose it, then send the form")
    return request(visit, "feed.preview", {"provider": term.slug}, files=files)


def pull(visit: Visit) -> SeeOther:
    """Pull every feed of the provider now."""
    term = provider_named(visit.config, visit.path["provider"])
    return request(visit, "feed.pull", {"provider": term.slug})


def _sentence(visit: Visit, term: ProviderTerms, feeds: ProviderFeeds) -> str:
    if is_stale(term, feeds, visit.now):
        return f"{term.slug} should have delivered something newer."
    if feeds.errors:
        findings = counted(feeds.errors, "finding")
        return f"{findings} of {term.slug} may leave records out."
    if not term.takes_statements and not term.is_pulled:
        waiting = counted(feeds.pending, "record")
        verb = "waits" if feeds.pending == 1 else "wait"
        return f"{term.slug} pushes its history; {waiting} {verb} to be taken in."
    if not feeds.files and not feeds.pulls:
        return f"{term.slug} delivered no file, and was never pulled."
    return f"Nothing is wrong with the feeds of {term.slug}."
