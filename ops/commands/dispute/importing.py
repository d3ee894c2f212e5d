"""``tieout dispute import``: take in a provider's answers."""

from pathlib import Path
from typing import Annotated

import typer

from breaks.disputes.answers import ImportedAnswers, import_answers
from breaks.disputes.model import AnswerKind
from ops.commands.database import refusals
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, By, Provider
from ops.commands.provider_choice import entry_named
from ops.commands.table_options import Decimal, Encoding, Thousands, table_rules
from ops.context import context_of
from reports.disputes.answer_file import AnswerFormat, read_answers
from vocabulary.clock import SystemClock
from vocabulary.people import Right
from vocabulary.plurals import counted

FINDING = 1


def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The provider's answers: CSV or XLSX.")],
    *,
    provider: Provider,
    decimal: Decimal = ".",
    thousands: Thousands = "",
    encoding: Encoding = "utf-8",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every line and store nothing.")
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Import a provider's answers; lines that do not hold are findings, and exit 1."""
    settings = context_of(ctx).settings
    entry = entry_named(settings, provider)
    rules = table_rules(decimal, thousands, encoding, None, numeric_ids=True)
    engine, name = open_books_as(ctx, by, Right.DISPUTE)
    answers = read_answers(
        file,
        AnswerFormat(
            columns=entry.disputes.columns,
            answers=entry.disputes.answers,
            exponents=entry.exponents,
            rules=rules,
        ),
    )
    with refusals():
        result = import_answers(
            engine,
            answers,
            provider=provider,
            by=name,
            now=SystemClock().now(),
            dry_run=dry_run,
        )
    if as_json:
        _print_json(result, file, provider, dry_run=dry_run)
    else:
        _print(result, dry_run=dry_run)
    if result.findings:
        raise typer.Exit(FINDING)


def _print_json(result: ImportedAnswers, file: Path, provider: str, *, dry_run: bool) -> None:
    document = {
        "file": file.name,
        "provider": provider,
        "dry_run": dry_run,
        "stored": result.stored,
        "repeated": result.repeated,
        "unanswered": result.unanswered,
        "findings": [
            {
                "line_of_file": finding.file_line,
                "problem": finding.problem,
                "line": finding.name,
                "detail": finding.detail,
            }
            for finding in result.findings
        ],
    }
    print_json(document, indent=2)


def _print(result: ImportedAnswers, *, dry_run: bool) -> None:
    words = list(result.stored.values())
    counts = [f"{words.count(kind)} {kind.replace('_', ' ')}" for kind in AnswerKind]
    verb = "would be stored" if dry_run else "stored"
    typer.echo(
        f"{counted(len(words), 'answer')} {verb} ({', '.join(counts)}),"
        f" {result.repeated} known before,"
        f" {counted(result.unanswered, 'line without an answer', 'lines without an answer')}"
    )
    for finding in result.findings:
        name = f" {finding.name}" if finding.name else ""
        problem = finding.problem.replace("_", " ")
        typer.echo(f"line {finding.file_line}:{name} {problem}: {finding.detail}")
    if result.findings:
        typer.echo(
            f"{counted(len(result.findings), 'line was not stored', 'lines were not stored')}"
        )
