"""Write today's schema into one file: what all revisions of the database come to.

``python -m ops.tools.schema FILE``; ``make schema`` writes docs/schema.sql. The tables of a new
embedded server are read by pg_dump and put in an order for people: each table with all that is
about it, in the order of the alphabet.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ops.engines import postgres_server
from ops.engines.data_directory import locked, open_data_directory
from storage.engine import open_engine
from storage.migrate import migrate

_HEAD = """\
-- The schema of today: what all revisions in storage/migrations/versions/ come to, for reading.
-- `make schema` writes this file, and a test compares it; no migration executes it.
-- First types, then each table with its constraints, indexes and triggers, views, functions.
-- Rights are in privileges.md.
"""
#: What stands before each object in a dump; a name of a table's part begins with the table.
_OBJECT = re.compile(r"^--\n-- Name: (.+); Type: ([A-Z ]+); Schema: .*\n--\n", re.MULTILINE)
#: Settings of the session that restores a dump.
_SETTING = re.compile(
    r"^(?:SET default_\w+ = .*;|\\(?:un)?restrict .*|-- PostgreSQL .*|--)$", re.MULTILINE
)
_BLANK_LINES = re.compile(r"\n{2,}")
#: The table that an index or an identity column is of.
_OF_TABLE = re.compile(r"(?: ON (?:ONLY )?|^ALTER TABLE (?:ONLY )?)(\w+)", re.MULTILINE)
#: Kinds that stand by themselves, in the order of the file; others are parts of a table.
_KINDS = ("TYPE", "TABLE", "VIEW", "FUNCTION")
_PARTS = ("SEQUENCE", "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "INDEX", "TRIGGER")
#: What a dump spells out, and what people write.
_SHORT = {"timestamp with time zone": "timestamptz", " USING btree": "", "\t": "    "}
#: Extensions are those of a server, not of the schema.
_LEFT_OUT = ("EXTENSION", "COMMENT", "SCHEMA")


class SchemaObject(NamedTuple):
    """One statement of a dump.

    Attributes:
        owner: the name that it is listed under: that of its table, or its own.
    """

    kind: str
    owner: str
    name: str
    sql: str

    @property
    def place(self) -> tuple[int, str, int, str]:
        """Where it stands in the file."""
        is_part = self.kind in _PARTS
        section = _KINDS.index("TABLE" if is_part else self.kind)
        rank = 1 + _PARTS.index(self.kind) if is_part else 0
        return section, self.owner, rank, self.name


def main() -> None:
    """Write the schema into the file that is named."""
    (target,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        home = open_data_directory(Path(folder))
        with locked(home):
            postgres_server.start(home)
        try:
            url = postgres_server.url(home)
            engine = open_engine(url)
            migrate(engine)
            engine.dispose()
            schema = readable(dump_of(url))
        finally:
            postgres_server.stop(home)
    Path(target).write_text(schema, encoding="utf-8")


def dump_of(url: str) -> str:
    """What pg_dump says of the tables, types and functions of a database, without its rows."""
    options = ("--schema-only", "--no-owner", "--no-privileges", "--schema=public")
    command = [postgres_server.binary("pg_dump"), *options, url]
    done = subprocess.run(  # noqa: S603 - our own binary and arguments
        command, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"pg_dump exited {done.returncode}: {done.stderr}")
    return done.stdout


def readable(dump: str) -> str:
    """A dump in the order of the file, without what only restoring it needs.

    Raises:
        ValueError: it holds a kind of object that has no place in the file yet.
    """
    objects = sorted(_objects(dump), key=lambda item: item.place)
    return "\n\n".join([_HEAD.rstrip(), *_statements(objects)]) + "\n"


def _objects(dump: str) -> Iterator[SchemaObject]:
    _, *parts = _OBJECT.split(dump.replace("public.", ""))
    for name, kind, sql in zip(parts[0::3], parts[1::3], parts[2::3], strict=True):
        statement = _BLANK_LINES.sub("\n", _SETTING.sub("", sql)).strip()
        if kind in _LEFT_OUT:
            continue
        if kind not in (*_KINDS, *_PARTS):
            raise ValueError(f"{kind} {name} has no place in the file: add it to its kinds")
        if kind != "FUNCTION":
            statement = _shortened(statement)
        of_table = _OF_TABLE.search(statement) if kind in _PARTS else None
        owner = name if of_table is None else of_table[1]
        yield SchemaObject(kind, owner, name, statement)


def _shortened(statement: str) -> str:
    for long, short in _SHORT.items():
        statement = statement.replace(long, short)
    return statement


def _statements(objects: Iterable[SchemaObject]) -> Iterator[str]:
    """The statements, those of one table without a blank line between them."""
    lines: list[str] = []
    for item in objects:
        if lines and item.kind not in _PARTS:
            yield "\n".join(lines)
            lines = []
        lines.append(item.sql)
    if lines:
        yield "\n".join(lines)


if __name__ == "__main__":
    main()
