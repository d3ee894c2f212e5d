"""Feeds of providers, their statement files and what is wrong with them."""

from typing import Any

from pydantic import Field

from console.api.models.breaks import Cursor, Limit, TrailJson
from console.api.models.jobs import JobJson
from console.api.models.values import ApiModel, Day, Instant


class PulledFeedJson(ApiModel):
    """How far a feed that is pulled reaches."""

    feed: str
    watermark: Instant | None
    pulled_at: Instant
    records: int


class FeedsJson(ApiModel):
    """The feeds of one provider: how far they reach, and whether they are late."""

    provider: str
    stale: bool
    reach: Instant | None
    received_at: Instant | None
    covers_to: Instant | None
    files: int
    quarantined: int
    pending: int
    errors: int
    warnings: int
    pulls: tuple[PulledFeedJson, ...]


class FeedListJson(ApiModel):
    """The feeds of every provider."""

    items: tuple[FeedsJson, ...]


class StatementJson(ApiModel):
    """A statement file and what became of it."""

    id: str
    name: str
    size: int
    received_at: Instant
    business_day: Day | None
    covers_from: Instant | None
    covers_to: Instant | None
    verdict: str
    records: int
    refused: int
    replaced_by: str | None


class PullJson(ApiModel):
    """A pull of one feed."""

    feed: str
    window_from: Instant
    window_to: Instant
    whole: bool
    received: int
    stored: int
    unreadable: int
    pulled_at: Instant


class FindingJson(ApiModel):
    """Something wrong with what a provider delivered."""

    id: str
    kind: str
    severity: str
    file: str | None
    line: int | None
    record_id: str | None
    round_id: str | None
    detail: str
    resolved_at: Instant | None


class FindingDetailJson(FindingJson):
    """A finding with what shows it."""

    provider: str
    feed: str
    first_seen: Instant
    last_seen: Instant
    resolved_by: str | None
    evidence: dict[str, Any]
    trail: tuple[TrailJson, ...]
    version: str


class PageQuery(ApiModel):
    """Which page of a list."""

    after: Cursor | None = Field(default=None, description="`next` of the page before.")
    limit: Limit | None = Field(default=None, description="1 to 200; 50 if not given.")


class FindingListJson(ApiModel):
    """One page of open findings, errors first."""

    items: tuple[FindingJson, ...]
    total: int = Field(description="On all pages.")
    next: str | None = Field(description="Give it as `after` for the next page.")


class StatementListJson(ApiModel):
    """One page of statement files, the newest first."""

    items: tuple[StatementJson, ...]
    total: int = Field(description="On all pages.")
    next: str | None = Field(description="Give it as `after` for the next page.")


class PullListJson(ApiModel):
    """One page of pulls, the newest first."""

    items: tuple[PullJson, ...]
    total: int = Field(description="On all pages.")
    next: str | None = Field(description="Give it as `after` for the next page.")


class FeedDetailJson(FeedsJson):
    """The feeds of one provider with the last files, pulls, findings and jobs."""

    last_files: tuple[StatementJson, ...]
    last_pulls: tuple[PullJson, ...]
    findings: tuple[FindingJson, ...]
    jobs: tuple[JobJson, ...]


class StatementDetailJson(StatementJson):
    """A statement file with its findings; `GET /files/{id}/content` has its bytes."""

    provider: str
    feed: str
    digest: str
    sentence: str
    findings: tuple[FindingJson, ...]
    findings_count: int = Field(description="Also of those that are not listed here.")
    withdrawn: int
    restored: int
    run_ids: tuple[str, ...] = Field(description="Runs since, over what it covers.")
