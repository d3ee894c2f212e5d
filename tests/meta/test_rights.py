"""What the sources write is granted to the roles that run them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from storage.rights import APPLICATION_ROLE, CONSOLE_ROLE, RIGHTS
from tests.meta.tree import ROOT

PACKAGES = (
    *("breaks", "console", "feeds", "ledger", "ops", "reconcile", "reports"),
    *("storage", "webhooks", "workers"),
)
#: Temporary tables and files, and what only the console does outside of its package.
OWN = {
    *("feed_stage", "feed_repeated", "feed_delivered", "staged", "staged_handles"),
    *("break_stage", "saved_views", "archived"),
}
#: What only the owner of the tables writes: `tieout archive approve --rows` and `tieout breaks
#: relist` connect as it.
OWNERS = {
    *("archive_supplements", "archived_row_months", "listed_breaks"),
    *("leaving_records", "leaving_listings", "leaving_versions"),
}
WRITES = re.compile(r"\b(?:(INSERT) INTO|(UPDATE)|(DELETE) FROM) +([a-z_]+)\b(?! *\.)")


def sql_of(path: Path) -> Iterator[str]:
    """The strings of a module; what is put into one leaves a gap."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else " " for p in node.values)
            yield "".join(str(part) for part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def written_in(sql: str) -> set[tuple[str, str]]:
    """The rights that a statement needs, as kind and table."""
    needed: set[tuple[str, str]] = set()
    for match in WRITES.finditer(sql):
        kind, table = match[1] or match[2] or match[3], match[4]
        needed.add((kind, table))
        if kind == "INSERT" and "DO UPDATE" in sql:
            needed.add(("UPDATE", table))
    return needed


def granted(role: str) -> set[tuple[str, str]]:
    """The rights of a role, as kind and table."""
    return {
        (right.partition(" ")[0], table)
        for table, rights in RIGHTS[role].writes.items()
        for right in rights
    }


def needed_by(package: str) -> set[tuple[str, str]]:
    return {
        (kind, table)
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
        for sql in sql_of(path)
        for kind, table in written_in(sql)
        if table not in OWN | OWNERS
    }


def test_the_application_may_write_what_its_sources_write() -> None:
    needed = set().union(*(needed_by(package) for package in PACKAGES if package != "console"))

    assert len(needed) > 90
    assert needed - granted(APPLICATION_ROLE) == set()


def test_the_console_may_write_what_its_sources_write() -> None:
    needed = needed_by("console")

    assert len(needed) > 8
    assert needed - granted(CONSOLE_ROLE) == set()


def test_no_role_may_remove_or_rewrite_what_was_accepted() -> None:
    evidence = {"operations", "entries", "audit", "seals", "feed_versions"}

    for role in RIGHTS:
        assert {(kind, table) for kind, table in granted(role) if table in evidence} <= {
            ("INSERT", table) for table in evidence
        }
