"""``tieout config limits``, and the limits in force: a change of them takes two people."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from ops.commands.database import open_books, refusals
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.next_commands import print_next_for_another
from ops.commands.options import AsJson, By
from ops.context import context_of
from ops.settings.limits import PersonalLimits, limits_document, limits_of_document
from ops.settings.model import Settings
from storage.engine import open_engine
from storage.limit_versions import (
    Document,
    LimitVersion,
    decide_limits,
    digest_of,
    propose_limits,
    proposed_version,
    set_up_limits,
    version_in_force,
)
from vocabulary.clock import SystemClock, iso
from vocabulary.people import Right

app = typer.Typer(no_args_is_help=True, add_completion=False)
Digest = Annotated[str, typer.Argument(help="The digest of the proposed limits, or its start.")]


def limits_in_force(engine: Engine, settings: Settings, *, by: str) -> PersonalLimits:
    """The limits that a second person confirmed; says if the settings file has others.

    The first command of books without limits sets them up from the settings, in its person's
    name.
    """
    wanted = limits_document(settings)
    version = version_in_force(engine)
    if version is None:
        set_up_limits(engine, wanted, by=by, now=SystemClock().now())
        return limits_of_document(wanted, settings.exponents)
    if version.digest != digest_of(wanted):
        typer.echo(
            f"limits {version.digest[:12]} of {_people(version)} are in force, not those of the"
            f" settings file, {digest_of(wanted)[:12]}: `tieout config limits propose`",
            err=True,
        )
    return limits_of_document(version.document, settings.exponents)


def set_up_limits_at(url: str, settings: Settings, *, by: str) -> None:
    """``limits_in_force`` on a database that has just been migrated."""
    engine = open_engine(url, pool_size=1)
    try:
        limits_in_force(engine, settings, by=by)
    finally:
        engine.dispose()


@app.command()
def show(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Show the limits in force, those of the settings file and those that wait.

    Exit 1 if the settings file has others than are in force.
    """
    engine, wanted = open_books(ctx), limits_document(context_of(ctx).settings)
    current, proposed = version_in_force(engine), proposed_version(engine)
    differs = current is not None and current.digest != digest_of(wanted)
    if as_json:
        document = {
            "in_force": current and _version_json(current),
            "settings": {"digest": digest_of(wanted), **wanted},
            "proposed": proposed and _version_json(proposed),
        }
        print_json(document, indent=2, instant=iso)
    else:
        _print(current, wanted, proposed)
    raise typer.Exit(1 if differs else 0)


@app.command()
def propose(ctx: typer.Context, *, by: By = None, as_json: AsJson = False) -> None:
    """Propose the limits of the settings file; another person confirms them."""
    wanted = limits_document(context_of(ctx).settings)
    engine, name = open_books_as(ctx, by, Right.CHANGE_LIMITS)
    with refusals():
        version = propose_limits(engine, wanted, by=name, now=SystemClock().now())
    _print_one(version, as_json=as_json)
    if not as_json:
        print_next_for_another(f"tieout config limits confirm {version.digest[:12]}")


@app.command()
def confirm(
    ctx: typer.Context, digest: Digest, *, by: By = None, as_json: AsJson = False
) -> None:
    """Confirm the limits that another person proposed; they are in force from now on."""
    _decide(ctx, digest, by=by, confirm=True, as_json=as_json)


@app.command()
def reject(
    ctx: typer.Context, digest: Digest, *, by: By = None, as_json: AsJson = False
) -> None:
    """Reject the limits that another person proposed; those in force stay."""
    _decide(ctx, digest, by=by, confirm=False, as_json=as_json)


def _decide(
    ctx: typer.Context, digest: str, *, by: str | None, confirm: bool, as_json: bool
) -> None:
    engine, name = open_books_as(ctx, by, Right.CHANGE_LIMITS)
    with refusals():
        now = SystemClock().now()
        version = decide_limits(engine, digest, by=name, now=now, confirm=confirm)
    _print_one(version, as_json=as_json)


def _print_one(version: LimitVersion, *, as_json: bool) -> None:
    if as_json:
        print_json(_version_json(version), instant=iso)
        return
    typer.echo(f"limits {version.digest[:12]} {version.state} by {_people(version)}")
    _print_limits(version.document)


def _print(
    current: LimitVersion | None, wanted: Document, proposed: LimitVersion | None
) -> None:
    if current is None:
        typer.echo("no limits are set up: the first command that needs them sets them up")
    else:
        typer.echo(f"in force: {current.digest[:12]} by {_people(current)}")
        _print_limits(current.document)
    if current is None or current.digest != digest_of(wanted):
        typer.echo(f"settings file: {digest_of(wanted)[:12]}")
        _print_limits(wanted)
    if proposed is not None:
        typer.echo(f"waits: {proposed.digest[:12]} by {proposed.proposed_by}")
        print_next_for_another(f"tieout config limits confirm {proposed.digest[:12]}")


def _print_limits(limits: Document) -> None:
    for role, amounts in sorted(limits["limits"].items()):
        people = sorted(name for name, its in limits["roles"].items() if its == role)
        names = ", ".join(people) or "nobody"
        typer.echo(f"  {role} ({names}) approves or writes off {_texts(amounts) or 'nothing'}")
    if not limits["limits"]:
        typer.echo("  approvals and write-offs: no limit, only the four eyes")
    typer.echo(
        f"  deposits of one person: {_texts(limits['one_person']) or '1000 of a currency'}"
    )
    typer.echo(f"  days take {'two people' if limits['two_people'] else 'one person'}")
    typer.echo(f"  open money that needs no reason: {_texts(limits['accepts']) or 'none'}")


def _texts(amounts: Mapping[str, str]) -> str:
    return ", ".join(f"{text} {code}" for code, text in sorted(amounts.items()))


def _people(version: LimitVersion) -> str:
    return " and ".join(filter(None, (version.proposed_by, version.decided_by)))


def _version_json(version: LimitVersion) -> dict[str, Any]:
    return {
        "digest": version.digest,
        "state": version.state,
        "proposed_by": version.proposed_by,
        "proposed_at": version.proposed_at,
        "decided_by": version.decided_by,
        "decided_at": version.decided_at,
        **version.document,
    }
