"""Feeds of providers and their statement files."""

from typing import Any

from console.api.endpoint import Endpoint, Read, Write
from console.api.models.breaks import ReasonBody
from console.api.models.feeds import (
    FeedDetailJson,
    FeedListJson,
    FeedsJson,
    FindingDetailJson,
    FindingJson,
    FindingListJson,
    PageQuery,
    PulledFeedJson,
    PullJson,
    PullListJson,
    StatementDetailJson,
    StatementJson,
    StatementListJson,
)
from console.api.models.jobs import FileJson, JobJson
from console.api.models.values import attributes
from console.api.resources.breaks import trail_json
from console.api.resources.jobs import file_json, job_fields
from console.config import ProviderTerms, Visit
from console.pages.feeds import feed_detail, feed_lists, finding_detail
from console.pages.feeds.feed_list import feeds_of_term, is_stale
from console.pages.feeds.feed_lists import ListPage
from console.pages.records import files
from feeds.findings import FeedFinding
from feeds.overview import ListedStatement, ProviderFeeds, PullRecord
from feeds.statements.file_details import FileDetail, FileFinding
from vocabulary.people import Right

_TAG = "feeds"


def list_feeds(visit: Visit) -> FeedListJson:
    """How the feeds of every provider stand."""
    with visit.console.readers.connect() as connection:
        listed = [
            (term, feeds_of_term(connection, term, visit.now))
            for term in visit.config.providers
        ]
    return FeedListJson(
        items=tuple(FeedsJson(**_fields(visit, term, feeds)) for term, feeds in listed)
    )


def show_feeds(visit: Visit) -> FeedDetailJson:
    """Everything about a provider's feeds."""
    shown = feed_detail.show(visit).values
    return FeedDetailJson(
        **_fields(visit, shown["term"], shown["feeds"]),
        last_files=tuple(StatementJson(**_statement(file)) for file in shown["files"]),
        last_pulls=tuple(_pull(pull) for pull in shown["pulls"]),
        findings=tuple(_finding(finding.id, finding) for finding in shown["findings"]),
        jobs=tuple(JobJson(**job_fields(job)) for job in shown["jobs"]),
    )


def show_file(visit: Visit) -> StatementDetailJson:
    """One statement file with what reading it found."""
    shown = files.show(visit).values
    file: FileDetail = shown["file"]
    return StatementDetailJson(
        **_statement(file),
        **attributes(file, "provider feed digest"),
        sentence=shown["sentence"],
        findings=tuple(_finding(item.finding_id, item) for item in shown["findings"]),
        findings_count=shown["findings_count"],
        **attributes(shown["effects"], "withdrawn restored"),
        run_ids=tuple(run.run_id for run in shown["runs"]),
    )


def show_content(visit: Visit) -> FileJson:
    """Every byte of a statement file."""
    return file_json(files.download(visit))


def list_findings(visit: Visit) -> FindingListJson:
    """One page of the open findings of a provider."""
    page: ListPage = feed_lists.show_findings(visit).values["page"]
    items = tuple(_finding(finding.id, finding) for finding in page.items)
    return FindingListJson(items=items, total=page.total, next=page.next)


def list_files(visit: Visit) -> StatementListJson:
    """One page of the statement files of a provider."""
    page: ListPage = feed_lists.show_files(visit).values["page"]
    items = tuple(StatementJson(**_statement(file)) for file in page.items)
    return StatementListJson(items=items, total=page.total, next=page.next)


def list_pulls(visit: Visit) -> PullListJson:
    """One page of the pulls of a provider."""
    page: ListPage = feed_lists.show_pulls(visit).values["page"]
    items = tuple(_pull(pull) for pull in page.items)
    return PullListJson(items=items, total=page.total, next=page.next)


def show_finding(visit: Visit) -> FindingDetailJson:
    """One finding with what shows it."""
    shown = finding_detail.show(visit).values
    finding: FeedFinding = shown["finding"]
    return FindingDetailJson(
        **_finding_fields(finding.id, finding),
        **attributes(
            finding, "provider feed first_seen last_seen resolved_by evidence version"
        ),
        trail=trail_json(list(reversed(shown["steps"]))),
    )


def _pull(pull: PullRecord) -> PullJson:
    names = "feed window_from window_to whole received stored unreadable pulled_at"
    return PullJson(**attributes(pull, names))


def _fields(visit: Visit, term: ProviderTerms, feeds: ProviderFeeds) -> dict[str, Any]:
    return {
        **attributes(
            feeds,
            "provider files quarantined received_at covers_to pending errors warnings",
        ),
        "reach": feeds.reach(),
        "stale": is_stale(term, feeds, visit.now),
        "pulls": tuple(
            PulledFeedJson(**attributes(pull, "feed watermark pulled_at records"))
            for pull in feeds.pulls
        ),
    }


def _statement(file: ListedStatement | FileDetail) -> dict[str, Any]:
    return {
        "id": str(file.file_id),
        **attributes(
            file, "name size received_at covers_from covers_to verdict records refused"
        ),
        "business_day": None if file.business_day is None else str(file.business_day),
        "replaced_by": None if file.replaced_by is None else str(file.replaced_by),
    }


def _finding(finding_id: str, finding: FeedFinding | FileFinding) -> FindingJson:
    return FindingJson(**_finding_fields(finding_id, finding))


def _finding_fields(finding_id: str, finding: FeedFinding | FileFinding) -> dict[str, Any]:
    return {
        "id": finding_id,
        "kind": str(finding.kind),
        "severity": str(finding.severity),
        "file": getattr(finding, "file", None),
        **attributes(finding, "line record_id round_id detail resolved_at"),
    }


FINDING = Read(
    path="/findings/{id}",
    summary="One finding about a feed with what shows it",
    tag=_TAG,
    right=Right.READ,
    show=show_finding,
    answer=FindingDetailJson,
)
ENDPOINTS: tuple[Endpoint, ...] = (
    Read(
        path="/feeds",
        summary="How the feeds of every provider stand",
        tag=_TAG,
        right=Right.READ,
        show=list_feeds,
        answer=FeedListJson,
    ),
    Read(
        path="/feeds/{provider}",
        summary="The feeds of one provider with files, pulls and findings",
        tag=_TAG,
        right=Right.READ,
        show=show_feeds,
        answer=FeedDetailJson,
    ),
    *(
        Read(
            path=f"/feeds/{{provider}}/{name}",
            summary=f"The {words} of one provider, in pages",
            tag=_TAG,
            right=Right.READ,
            show=show,
            answer=answer,
            query=PageQuery,
        )
        for name, words, show, answer in (
            ("findings", "open findings", list_findings, FindingListJson),
            ("files", "statement files", list_files, StatementListJson),
            ("pulls", "pulls", list_pulls, PullListJson),
        )
    ),
    FINDING,
    Write(
        path="/findings/{id}/resolve",
        summary="Resolve a finding that no later delivery mends",
        tag=_TAG,
        right=Right.RESOLVE_FINDINGS,
        act=finding_detail.resolve,
        body=ReasonBody,
        of=FINDING,
    ),
    Read(
        path="/files/{id}",
        summary="One statement file with its findings",
        tag=_TAG,
        right=Right.READ,
        show=show_file,
        answer=StatementDetailJson,
    ),
    Read(
        path="/files/{id}/content",
        summary="Every byte of a statement file",
        tag=_TAG,
        right=Right.READ,
        show=show_content,
        answer=FileJson,
    ),
)
