"""Import players: their wallets, opening balances and handles at the providers.

Re-importing a known player changes no balance. An opening balance is a deposit in the wallet's
chain like any other, so it is posted, checked and replayed the same way.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

from psycopg import Connection, Cursor
from sqlalchemy import Engine

from ledger.enums import OPENING_KEY, OWN_SLUG
from ledger.players.handles import PLAYED_UNDER
from vocabulary.currencies import CurrencyUnknown, Exponents, is_currency
from vocabulary.errors import Malformed
from vocabulary.ids import PROVIDER_ID_CHARS_MAX, match_key
from vocabulary.money import Money

HANDLE_PREFIX = "handle:"
_REQUIRED = ("player", "currency", "balance")

_STAGE = """
CREATE TEMPORARY TABLE staged (line bigint, player text, currency text, balance bigint)
    ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_handles (provider text, handle text, player text) ON COMMIT DROP;
"""
_PLAYERS = """
INSERT INTO players (player) SELECT DISTINCT player FROM staged ORDER BY player
ON CONFLICT DO NOTHING
"""
_HANDLES = """
INSERT INTO handles (provider, handle, player)
SELECT DISTINCT provider, handle, player FROM staged_handles ON CONFLICT DO NOTHING
"""
# Asked before the file's handles are stored.
_PLAYED_UNDER = f"""
SELECT s.provider, s.handle FROM staged_handles s
 WHERE NOT EXISTS (SELECT FROM handles h
                    WHERE (h.provider, h.handle) = (s.provider, s.handle))
   AND {PLAYED_UNDER.format(provider="s.provider", handle="s.handle", player="s.player")}
 ORDER BY 1, 2 LIMIT 1
"""  # noqa: S608 - constants
_TAKEN = """
SELECT s.provider, s.handle FROM staged_handles s JOIN handles h USING (provider, handle)
 WHERE h.player <> s.player ORDER BY 1, 2 LIMIT 1
"""
# One operation for each new wallet with an opening balance; the wallet's seq is then 1, else 0.
_WALLETS = """
WITH opened AS (
  INSERT INTO wallets (player, currency, balance, seq)
  SELECT player, currency, balance, CASE WHEN balance = 0 THEN 0 ELSE 1 END
    FROM staged ORDER BY line
  ON CONFLICT DO NOTHING RETURNING wallet_id, player, currency, balance
), funded AS (SELECT * FROM opened WHERE balance <> 0), batch AS (
  INSERT INTO batches (operations) SELECT count(*) FROM funded HAVING count(*) > 0
  RETURNING batch_id
), written AS (
  INSERT INTO operations (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision,
    reason, currency, stake, payout, amount, balance_after, round_id, match_key, ends_round,
    fingerprint, route, headers, body, reply_status, reply, received_at)
  SELECT wallet_id, 1, batch_id, %(own)s, %(opening)s || wallet_id, 'deposit', 'accepted',
    'opening balance', currency, 0, 0, balance, balance, '', %(match_key)s, false,
    '', '', '', '', 200, '', clock_timestamp()
    FROM funded, batch
)
SELECT (SELECT count(*) FROM opened), (SELECT batch_id FROM batch)
"""
# What `ledger verify` compares the opening balances of a batch with.
_RECORD = """
INSERT INTO audit (actor, action, subject, detail)
SELECT %(by)s, 'players.imported', 'batch ' || batch_id,
       jsonb_build_object('batch_id', batch_id, 'imported', jsonb_object_agg(currency,
           jsonb_build_object('openings', openings, 'amount', amount)))
  FROM (SELECT batch_id, currency, count(*) AS openings, sum(amount)::text AS amount
          FROM operations WHERE batch_id = %(batch_id)s GROUP BY batch_id, currency) o
 GROUP BY batch_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerRow:
    """One line of a players file.

    Attributes:
        line: line number in the file, from 1.
        opening: opening balance of a new wallet; not negative.
        handles: the player's handle by provider slug; where absent, ``player`` is the handle.
    """

    line: int
    player: str
    opening: Money
    handles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """How many wallets were opened, and how many lines named a known wallet."""

    opened: int
    known: int


def read_players(file: TextIO, exponents: Exponents) -> Iterator[PlayerRow]:
    """Stream a players CSV: ``player,currency,balance`` and any ``handle:<slug>`` columns.

    ``exponents`` are the digits of currencies outside ISO 4217.

    Raises:
        Malformed: a column is missing or unknown, or a value is wrong; names the line.
    """
    rows = csv.DictReader(file, strict=True)
    try:
        _check_columns(list(rows.fieldnames or ()))
        for row in rows:
            yield _parsed_row(rows.line_num, row, exponents)
    except csv.Error as error:
        location = f"line {rows.reader.line_num}"
        raise Malformed(location, "comma-separated values are expected") from error


def import_players(
    engine: Engine, rows: Iterable[PlayerRow], *, by: str = OWN_SLUG
) -> ImportCounts:
    """Create the players, wallets and handles that do not exist yet, in one transaction.

    ``by`` is kept in the audit trail, if there are opening balances.

    Raises:
        Malformed: two rows have the same wallet, or a handle belongs to another player.
    """
    with engine.begin() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, Connection)
        with driver.cursor() as cursor:
            lines = _stage(cursor, rows)
            cursor.execute(_PLAYERS)
            _refuse_if_found(cursor, _PLAYED_UNDER)
            cursor.execute(_HANDLES)
            _refuse_if_found(cursor, _TAKEN)
            params = {"own": OWN_SLUG, "opening": OPENING_KEY}
            cursor.execute(_WALLETS, {**params, "match_key": match_key(OWN_SLUG, "")})
            counts = cursor.fetchone()
            assert counts is not None
            opened, batch_id = counts
            if batch_id is not None:
                cursor.execute(_RECORD, {"by": by, "batch_id": batch_id})
    return ImportCounts(opened=opened, known=lines - opened)


def _check_columns(columns: list[str]) -> None:
    for column in _REQUIRED:
        if column not in columns:
            raise Malformed("line 1", f"a column named {column} is expected")
    unknown = [c for c in columns if c not in _REQUIRED and not c.startswith(HANDLE_PREFIX)]
    if unknown:
        raise Malformed("line 1", f"the column {unknown[0]!r} is unknown")
    if len(set(columns)) != len(columns):
        raise Malformed("line 1", "every column is expected once")


def _parsed_row(line: int, row: Mapping[str, str | None], exponents: Exponents) -> PlayerRow:
    location = f"line {line}"
    if None in row or None in row.values():
        raise Malformed(location, "as many values as columns are expected")
    try:
        return player_row(line, {name: value or "" for name, value in row.items()}, exponents)
    except Malformed as error:
        place = f"{location}, balance" if error.path == "balance" else location
        raise Malformed(place, error.reason) from error


def player_row(line: int, values: Mapping[str, str], exponents: Exponents) -> PlayerRow:
    """A player from the values of a line, by column.

    ``exponents`` are the digits of currencies outside ISO 4217.

    Raises:
        Malformed: a value is wrong; its path is the column.
    """
    if not _is_name(values["player"]):
        raise Malformed("player", "a player of 1 to 128 printable characters is expected")
    if not is_currency(values["currency"]):
        raise Malformed("currency", "a currency code such as USD is expected")
    try:
        opening = Money.parse(values["balance"], values["currency"], exponents=exponents)
    except CurrencyUnknown:
        raise
    except Malformed as error:
        raise Malformed("balance", error.reason) from error
    if opening.minor < 0:
        raise Malformed("balance", "an opening balance is not negative")
    handles = {
        name.removeprefix(HANDLE_PREFIX): value
        for name, value in values.items()
        if name.startswith(HANDLE_PREFIX) and value
    }
    for slug, handle in handles.items():
        if not _is_name(handle):
            column = f"{HANDLE_PREFIX}{slug}"
            raise Malformed(column, "handles of 1 to 128 printable characters are expected")
    return PlayerRow(line=line, player=values["player"], opening=opening, handles=handles)


def _is_name(text: str) -> bool:
    """Whether a dialect can read the text as an id; no callback could name another."""
    return 0 < len(text) <= PROVIDER_ID_CHARS_MAX and text.isprintable()


def _stage(cursor: "Cursor[tuple[int, ...]]", rows: Iterable[PlayerRow]) -> int:
    cursor.execute(_STAGE)
    line_of: dict[tuple[str, str], int] = {}
    handles: list[tuple[str, str, str]] = []
    with cursor.copy("COPY staged FROM STDIN") as copy:
        for row in rows:
            wallet = (row.player, row.opening.currency)
            if wallet in line_of:
                raise Malformed(
                    f"line {row.line}", f"this wallet is also on line {line_of[wallet]}"
                )
            line_of[wallet] = row.line
            copy.write_row((row.line, row.player, row.opening.currency, row.opening.minor))
            handles += [(slug, handle, row.player) for slug, handle in row.handles.items()]
    with cursor.copy("COPY staged_handles FROM STDIN") as copy:
        for handle in handles:
            copy.write_row(handle)
    return len(line_of)


def _refuse_if_found(cursor: "Cursor[tuple[int, ...]]", query: str) -> None:
    """Refuse a handle of another player that the query finds."""
    cursor.execute(query.encode())
    row = cursor.fetchone()
    if row is not None:
        raise Malformed(f"handle:{row[0]}", f"{row[1]!r} already names another player")
