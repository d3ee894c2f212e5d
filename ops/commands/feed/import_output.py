"""What ``tieout feed import`` says of a file, for people and for programs."""

from pathlib import Path
from typing import Any

import typer

from feeds.findings import NewFinding, by_kind, severity_of
from feeds.statements.importer import ImportResult

#: Findings of a kind printed one by one; the rest are counted.
SHOWN_MAX = 20


def show_taken(file: Path, taken: ImportResult) -> None:
    """What became of the file; what is wrong with it on standard error."""
    for kind, findings in by_kind(taken.findings).items():
        for each in findings[:SHOWN_MAX]:
            typer.echo(f"{_place(file, each)}: {each.detail}", err=True)
        if len(findings) > SHOWN_MAX:
            more = len(findings) - SHOWN_MAX
            typer.echo(f"and {more} more of the kind {kind}", err=True)
    if taken.verdict == "quarantined":
        typer.echo(f"{file.name} is in quarantine: nothing of it was taken in", err=True)
    if taken.withdrawn:
        typer.echo(f"{taken.withdrawn} records are withdrawn", err=True)
    if taken.restatements:
        typer.echo(f"{taken.restatements} records of closed days are restated", err=True)
    currencies = ", ".join(f"{n} in {code}" for code, n in sorted(taken.currencies.items()))
    typer.echo(
        f"{taken.count.received} records, {taken.count.stored} new or changed,"
        f" {taken.unreadable} unreadable lines"
    )
    typer.echo(
        f"file {taken.file_id}: {taken.verdict}, {taken.day or 'of no single day'},"
        f" {currencies or 'no lines'}, {taken.count.late} late"
    )


def taken_json(taken: ImportResult) -> dict[str, Any]:
    """The same as the interface prints it."""
    lines = [each for each in taken.findings if each.line is not None]
    return {
        "received": taken.count.received,
        "stored": taken.count.stored,
        "versions": taken.count.versions,
        "unreadable": [{"line": each.line, "reason": each.detail} for each in lines],
        "unreadable_lines": taken.unreadable,
        "file_id": taken.file_id,
        "verdict": taken.verdict,
        "day": taken.day and taken.day.isoformat(),
        "currencies": taken.currencies,
        "late": taken.count.late,
        "gaps": taken.gaps,
        "restated": taken.restatements,
        "withdrawn": taken.withdrawn,
        "findings": [_found_json(each) for each in taken.findings],
    }


def _found_json(each: NewFinding) -> dict[str, Any]:
    return {
        "kind": str(each.kind),
        "severity": str(severity_of(each.kind)),
        "line": each.line,
        "record_id": each.record_id,
        "detail": each.detail,
    }


def _place(file: Path, each: NewFinding) -> str:
    if each.line is not None:
        return f"{file}:{each.line}"
    return f"{file}: {each.record_id}" if each.record_id else str(file)
