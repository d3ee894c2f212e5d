"""``tieout feed findings|resolve``: problems of feeds and closed days."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from feeds.findings import FeedFinding, Severity, by_kind, open_findings, resolve_for_reason
from ops.commands.database import open_books
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, By, ProviderFilter
from ops.commands.provider_choice import check_provider
from ops.context import context_of
from reports.find.short_ids import ShortIdKind, complete_id
from vocabulary.clock import SystemClock, iso
from vocabulary.errors import Refused
from vocabulary.people import Right

#: Findings of a kind printed one by one; the rest are counted.
SHOWN_MAX = 20


def findings(
    ctx: typer.Context, *, provider: ProviderFilter = None, as_json: AsJson = False
) -> None:
    """List open findings about feeds and closed days; exit 1 if one is an error."""
    check_provider(context_of(ctx).settings, provider)
    with open_books(ctx).connect() as connection:
        listed = [
            finding
            for finding in open_findings(connection)
            if provider in {None, finding.provider}
        ]
    if as_json:
        print_json([_finding_json(finding) for finding in listed], indent=2, instant=iso)
    else:
        print_findings(listed)
    has_error = any(finding.severity is Severity.ERROR for finding in listed)
    raise typer.Exit(1 if has_error else 0)


def resolve(
    ctx: typer.Context,
    finding: Annotated[str, typer.Argument(help="The finding's id, fnd-…, or its start.")],
    *,
    by: By = None,
    reason: Annotated[str, typer.Option(help="Why it is resolved.")],
) -> None:
    """Resolve a finding that no later import can repair; it stays resolved as it is."""
    engine, name = open_books_as(ctx, by, Right.RESOLVE_FINDINGS)
    now = SystemClock().now()
    finding = complete_id(engine, ShortIdKind.FINDING, finding)
    with engine.begin() as connection:
        try:
            resolve_for_reason(connection, finding, by=name, reason=reason, now=now)
        except Refused as error:
            raise typer.BadParameter(str(error)) from error
    typer.echo(f"{finding} is closed")


def print_findings(listed: Iterable[FeedFinding]) -> None:
    """Print findings, one a line."""
    for kind, findings_ in by_kind(listed).items():
        for finding in findings_[:SHOWN_MAX]:
            typer.echo(f"  {_finding_line(finding)}")
        if len(findings_) > SHOWN_MAX:
            typer.echo(f"  and {len(findings_) - SHOWN_MAX} more of the kind {kind}")


def _finding_line(finding: FeedFinding) -> str:
    line = f":{finding.line}" if finding.line is not None else ""
    record = f" {finding.record_id}" if finding.record_id else ""
    place = f"{finding.file or finding.feed}{line}{record}"
    return f"{finding.id} {finding.severity} {finding.kind} {place}: {finding.detail}"


def _finding_json(finding: FeedFinding) -> dict[str, Any]:
    covers = finding.covers
    return {
        "id": finding.id,
        "provider": finding.provider,
        "feed": finding.feed,
        "kind": finding.kind,
        "severity": finding.severity,
        "file": finding.file,
        "line": finding.line,
        "record_id": finding.record_id,
        "round_key": finding.round_id,
        "window": covers and {"from": covers.start, "to": covers.end},
        "detail": finding.detail,
        "evidence": finding.evidence,
        "first_seen": finding.first_seen,
        "last_seen": finding.last_seen,
    }
