"""``tieout dispute list|show``: disputes, and the money that is still between the sides."""

from typing import Annotated

import typer

from breaks.disputes.claim_sums import claim_sums
from breaks.disputes.claims import claims_of
from breaks.disputes.model import Dispute
from breaks.disputes.store import get_dispute, list_disputes
from breaks.store import transaction
from ops.commands.database import open_books, refusals
from ops.commands.dispute.named import DisputeId, complete_dispute
from ops.commands.dispute.output import (
    claim_json,
    claim_lines,
    dispute_json,
    dispute_lines,
    line_json,
    line_lines,
)
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Limit, ProviderFilter
from ops.commands.provider_choice import check_provider
from ops.context import context_of
from vocabulary.clock import SystemClock, iso


def list_(
    ctx: typer.Context,
    *,
    provider: ProviderFilter = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Also disputes in which all is answered.")
    ] = False,
    most: Limit = 1_000,
    as_json: AsJson = False,
) -> None:
    """List disputes that wait for answers, and claimable money by answer, age and currency."""
    settings = context_of(ctx).settings
    check_provider(settings, provider)
    now = SystemClock().now()
    with transaction(open_books(ctx)) as connection:
        listed = list_disputes(connection, provider=provider, waiting=not all_, limit=most + 1)
        claims = claim_sums(connection, now=now, provider=provider)
    shown = listed[:most]
    if as_json:
        document = {
            "disputes": [dispute_json(dispute, settings, now) for dispute in shown],
            "claims": [claim_json(claim, settings) for claim in claims],
        }
        print_json(document, indent=2, instant=iso)
        return
    if not shown:
        typer.echo("no disputes" if all_ else "no disputes that wait for an answer")
    for dispute in shown:
        _echo(dispute_lines(dispute, settings, now))
    if len(listed) > most:
        typer.echo(f"these are the oldest {most}: --most shows more", err=True)
    _echo(claim_lines(claims, settings))


def show(ctx: typer.Context, dispute: DisputeId, *, as_json: AsJson = False) -> None:
    """Show one dispute: its lines, packs, answers and claims."""
    settings, engine, now = context_of(ctx).settings, open_books(ctx), SystemClock().now()
    dispute_id = complete_dispute(engine, dispute)
    with refusals(), transaction(engine) as connection:
        shown = get_dispute(connection, dispute_id)
    claims = claims_of([shown], now)
    if as_json:
        document = {
            **dispute_json(shown, settings, now),
            "packs": [_pack_json(shown, number) for number in range(len(shown.exports))],
            "claims": [claim_json(claim, settings) for claim in claims],
            "rows": [line_json(line, shown, settings) for line in shown.lines],
        }
        print_json(document, indent=2, instant=iso)
        return
    _echo(dispute_lines(shown, settings, now))
    for export in shown.exports:
        typer.echo(
            f"  pack {export.number}: {iso(export.exported_at)} by {export.exported_by},"
            f" due {iso(export.due_at)}"
        )
        typer.echo(f"    sha256 {export.pack_sha256}")
    for line in shown.lines:
        _echo(line_lines(line, shown, settings))
    _echo(claim_lines(claims, settings))


def _pack_json(dispute: Dispute, place: int) -> dict[str, object]:
    export = dispute.exports[place]
    return {
        "pack": export.number,
        "exported_by": export.exported_by,
        "exported_at": export.exported_at,
        "due": export.due_at,
        "sha256": export.pack_sha256,
        "document_sha256": export.document_sha256,
        "bytes": export.size,
    }


def _echo(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)
