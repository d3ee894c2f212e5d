"""``tieout players import``: import players from a file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from feeds.findings import NewFinding
from feeds.statements.listed_findings import ListedFindings
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.table import UnreadableRow
from feeds.value_table import ValueReader, ValueRow
from ledger.players.importer import HANDLE_PREFIX, PlayerRow, import_players, player_row
from ops.commands.database import open_books
from ops.commands.identity import os_user
from ops.commands.json_output import print_json
from ops.commands.options import AsJson
from ops.commands.table_options import (
    Decimal,
    Encoding,
    NullText,
    NumericIds,
    Thousands,
    table_rules,
)
from ops.context import context_of
from providers.statements.format import FieldKind
from vocabulary.currencies import Exponents
from vocabulary.errors import Malformed, Refused
from vocabulary.plurals import counted

_FIELDS = {
    "player": FieldKind.ID,
    "currency": FieldKind.WORD,
    "balance": FieldKind.AMOUNT,
}


class PlayersUnreadable(Refused):
    """A players file has problems, so nothing of it is imported."""


def import_file(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Players: CSV or XLSX.")
    ],
    *,
    decimal: Decimal = ".",
    thousands: Thousands = "",
    encoding: Encoding = "utf-8",
    null_text: NullText = None,
    numeric_ids: NumericIds = False,
    as_json: AsJson = False,
) -> None:
    """Import players: columns player, currency, balance and any handle:<slug>.

    A wallet that exists keeps its balance. A file with any problem changes nothing.
    """
    rules = table_rules(decimal, thousands, encoding, null_text, numeric_ids=numeric_ids)
    settings = context_of(ctx).settings
    slugs = frozenset(entry.slug for entry in settings.providers)
    with file.open("rb") as stream:
        rows = read_players_file(stream, file.name, rules, slugs, settings.exponents)
        imported = import_players(open_books(ctx), rows, by=os_user())
    if as_json:
        print_json({"opened": imported.opened, "known": imported.known})
        return
    typer.echo(
        f"{counted(imported.opened, 'wallet opened', 'wallets opened')}"
        f", {imported.known} already known"
    )


def read_players_file(
    stream: BinaryIO,
    name: str,
    rules: FileRules,
    slugs: frozenset[str] | None,
    exponents: Exponents,
) -> Iterator[PlayerRow]:
    """Stream the players of a file of any format.

    ``slugs``: of the providers that handles may be for; None: of any. ``exponents``: of
    currencies outside ISO 4217.

    Raises:
        PlayersUnreadable: after the last line, if any line has a problem; names them.
    """
    reader = ValueReader(
        fields=_FIELDS, id_prefix=HANDLE_PREFIX, exponents=exponents, rules=rules
    )
    problems = ListedFindings()
    for item in reader.read(stream, name):
        row = _player(item, slugs, exponents) if isinstance(item, ValueRow) else item
        if isinstance(row, UnreadableRow):
            problem = NewFinding(kind=row.kind, detail=row.reason, file=name, line=row.line)
            problems.add(problem)
        else:
            yield row
    if problems.count:
        sentences = (
            f"{name}:{problem.line}: {problem.detail}" if problem.line else problem.detail
            for problem in problems
        )
        raise PlayersUnreadable("\n".join([*sentences, "nothing was imported"]))


def _player(
    row: ValueRow, slugs: frozenset[str] | None, exponents: Exponents
) -> PlayerRow | UnreadableRow:
    try:
        player = player_row(row.line, row.values, exponents)
        if slugs is not None:
            _check_slugs(player, slugs)
    except Malformed as error:
        return row.problem(error)
    return player


def _check_slugs(player: PlayerRow, slugs: frozenset[str]) -> None:
    unknown = sorted(player.handles.keys() - slugs)
    if unknown:
        configured = ", ".join(sorted(slugs)) or "none"
        raise Malformed(
            f"{HANDLE_PREFIX}{unknown[0]}",
            f"no provider is called {unknown[0]}; configured: {configured}",
        )
