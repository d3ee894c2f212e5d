"""Every query of rows that may leave for an archive is listed with how it deals with that."""

import re

from tests.meta.tree import ROOT, modules, packages

READS = re.compile(
    r"\b(?:FROM|JOIN)\s+\{{0,2}(?:operations|rounds|booked_entries|archived_entries|entries"
    r"|entry_rows|known_operations|round_operations|feed_records|feed_versions"
    r"|feed_superseded|feed_file_records|feed_file_parts|provider_deliveries|deliveries)\b"
)
LISTED = re.compile(r"^\| `([a-z_/]+\.py)` \| \S.*\|$", re.MULTILINE)
#: They are about letting rows go themselves, are no part of the product, or define the tables.
OTHERS = ("tests", "benchmarks", "storage/migrations", "ledger/archive")


def readers() -> set[str]:
    """The modules whose SQL reads these tables."""
    return {
        module.as_posix()
        for module in modules(*packages())
        if READS.search((ROOT / module).read_text(encoding="utf-8"))
        and not module.as_posix().startswith(OTHERS)
    }


def test_every_reader_of_rows_that_may_leave_is_listed() -> None:
    text = (ROOT / "docs" / "archived-rows.md").read_text(encoding="utf-8")
    listed = {name for name in LISTED.findall(text) if not name.startswith(OTHERS)}
    assert readers() == listed


def test_a_new_reader_would_be_found() -> None:
    assert READS.search("SELECT 1 FROM rounds r")
    assert READS.search("SELECT 1 FROM (SELECT 1) x\n  JOIN operations o USING (batch_id)")
    assert not READS.search("DELETE FROM rounds_of_day")
