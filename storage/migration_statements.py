"""What a migration's SQL locks, and what it reads whole: text in, effects out.

PostgreSQL holds a lock until the revision's transaction ends.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Locks for which neither readers nor writers of rows wait.
WEAK_LOCKS = frozenset({"ACCESS SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE"})

_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'"
    r"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|;|[^;'$/-]+|.",
    re.DOTALL,
)
_FLAGS = re.IGNORECASE | re.DOTALL
_INDEX = r"CREATE (?:UNIQUE )?INDEX {}.*? ON (?:ONLY )?(?P<table>\w+)"
_TRIGGER = r"CREATE (?:OR REPLACE )?(?:CONSTRAINT )?TRIGGER .*? ON (?P<table>\w+)"
_ALTER = r"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?(?P<table>\w+) "
#: The first that matches: a statement's lock on a table, and whether it reads all of the table.
_RULES = tuple(
    (re.compile(pattern, _FLAGS), lock, reads_all)
    for pattern, lock, reads_all in (
        (_INDEX.format("CONCURRENTLY "), "SHARE UPDATE EXCLUSIVE", True),
        (_INDEX.format(""), "SHARE", True),
        (f"{_ALTER}VALIDATE CONSTRAINT", "SHARE UPDATE EXCLUSIVE", True),
        (f"{_ALTER}(?:ENABLE|DISABLE) TRIGGER", "SHARE ROW EXCLUSIVE", False),
        (_ALTER, "ACCESS EXCLUSIVE", False),
        (_TRIGGER, "SHARE ROW EXCLUSIVE", False),
        (r"DROP TRIGGER .*? ON (?P<table>\w+)", "ACCESS EXCLUSIVE", False),
        (r"DROP TABLE (?:IF EXISTS )?(?P<table>\w+)", "ACCESS EXCLUSIVE", False),
        (r"DROP INDEX (?:IF EXISTS )?(?P<table>\w+)", "ACCESS EXCLUSIVE", False),
        (r"UPDATE (?:ONLY )?(?P<table>\w+) ", "ROW EXCLUSIVE", True),
        (r"INSERT INTO (?P<table>\w+)", "ROW EXCLUSIVE", False),
        (r"DELETE FROM (?:ONLY )?(?P<table>\w+)", "ROW EXCLUSIVE", True),
    )
)
#: Makes an ALTER TABLE read or write every row.
_READS_ALL = re.compile(
    r"SET NOT NULL|\bTYPE\b|GENERATED|PRIMARY KEY|\bUNIQUE\b|\bCHECK\b|\bREFERENCES\b", _FLAGS
)
#: A table that is filled from another one reads all of that.
_FILLED_FROM = re.compile(r"INSERT INTO \w+ .*?\bSELECT\b.*? FROM (?P<table>\w+)", _FLAGS)
_NOT_VALID = re.compile(r"\bNOT VALID\b", _FLAGS)
_MAKES = re.compile(r"CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?(\w+)", _FLAGS)
_REFERENCES = re.compile(r"\bREFERENCES (\w+)", _FLAGS)
_BODY = re.compile(r"DO\s+\$(\w*)\$(.*)\$\1\$", _FLAGS)


@dataclass(frozen=True, slots=True)
class TableLock:
    """What one statement does to a table that others use.

    Attributes:
        table: the table, or the index that is dropped.
        reads_all: whether it takes as long as the table is large.
        statement: its beginning.
    """

    table: str
    lock: str
    reads_all: bool
    statement: str


def statements_in(sql: str) -> Iterator[str]:
    """The statements of a text, without comments, each on one line."""
    words: list[str] = []
    for match in _TOKEN.finditer(f"{sql};"):
        part = match[0]
        if part == ";":
            statement = " ".join("".join(words).split())
            if statement:
                yield statement
            words = []
        elif not part.startswith(("--", "/*")):
            words.append(part)


def tables_made(statement: str) -> list[str]:
    """The table that a statement makes, if it makes one."""
    match = _MAKES.match(statement)
    return [match[1]] if match else []


def effects_of(statement: str) -> Iterator[TableLock]:
    """The locks of one statement."""
    if body := _BODY.match(statement):
        for inner in body[2].split(";"):
            yield from _matching(inner, anywhere=True)
        return
    yield from _matching(statement, anywhere=False)


def _matching(statement: str, *, anywhere: bool) -> Iterator[TableLock]:
    start = statement.strip()[:72]
    for pattern, lock, reads_all in _RULES:
        match = pattern.search(statement) if anywhere else pattern.match(statement)
        if match:
            rest = statement[match.end() :]
            rewrites = lock == "ACCESS EXCLUSIVE" and _reads_all(statement, rest)
            yield TableLock(match["table"], lock, reads_all or rewrites, start)
            break
    filled = _FILLED_FROM.search(statement) if anywhere else _FILLED_FROM.match(statement)
    if filled:
        yield TableLock(filled["table"], "ACCESS SHARE", reads_all=True, statement=start)
    if re.match(r"CREATE TABLE|ALTER TABLE", statement, _FLAGS):
        for name in _REFERENCES.findall(statement):
            yield TableLock(name, "SHARE ROW EXCLUSIVE", reads_all=False, statement=start)


def _reads_all(statement: str, rest: str) -> bool:
    is_alter = re.match("ALTER TABLE", statement, _FLAGS) is not None
    return is_alter and bool(_READS_ALL.search(rest)) and not _NOT_VALID.search(rest)
