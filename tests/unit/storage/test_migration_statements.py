"""The locks of statements, as PostgreSQL's manual lists them."""

import pytest

from storage.migration_statements import effects_of, statements_in, tables_made


def test_a_text_is_cut_at_semicolons_outside_of_bodies_texts_and_comments() -> None:
    sql = """
    -- a comment; with a semicolon
    CREATE TABLE a (x text DEFAULT ';');
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RETURN NULL; END $$;  /* another; one */
    ALTER TABLE a
        ADD COLUMN y bigint
    """

    made, function, altered = statements_in(sql)

    assert made == "CREATE TABLE a (x text DEFAULT ';')"
    assert function.endswith("BEGIN RETURN NULL; END $$")
    assert altered == "ALTER TABLE a ADD COLUMN y bigint"
    assert tables_made(made) == ["a"]
    assert tables_made(altered) == []


@pytest.mark.parametrize(
    ("statement", "effects"),
    [
        ("CREATE INDEX i ON rounds (x)", [("rounds", "SHARE", True)]),
        (
            "CREATE INDEX CONCURRENTLY i ON rounds (x)",
            [("rounds", "SHARE UPDATE EXCLUSIVE", True)],
        ),
        ("ALTER TABLE batches ADD COLUMN x bigint", [("batches", "ACCESS EXCLUSIVE", False)]),
        ("ALTER TABLE batches ALTER x SET NOT NULL", [("batches", "ACCESS EXCLUSIVE", True)]),
        ("ALTER TABLE a ADD CONSTRAINT c CHECK (x > 0)", [("a", "ACCESS EXCLUSIVE", True)]),
        (
            "ALTER TABLE a ADD CONSTRAINT c CHECK (x > 0) NOT VALID",
            [("a", "ACCESS EXCLUSIVE", False)],
        ),
        ("ALTER TABLE a VALIDATE CONSTRAINT c", [("a", "SHARE UPDATE EXCLUSIVE", True)]),
        (
            "CREATE TABLE b (x text REFERENCES people, y text REFERENCES breaks)",
            [
                ("people", "SHARE ROW EXCLUSIVE", False),
                ("breaks", "SHARE ROW EXCLUSIVE", False),
            ],
        ),
        (
            "CREATE TRIGGER t BEFORE UPDATE ON a EXECUTE f()",
            [("a", "SHARE ROW EXCLUSIVE", False)],
        ),
        ("UPDATE breaks SET x = 1", [("breaks", "ROW EXCLUSIVE", True)]),
        ("INSERT INTO breaks VALUES (1)", [("breaks", "ROW EXCLUSIVE", False)]),
        (
            "INSERT INTO b (x) SELECT f(x), y FROM breaks JOIN runs USING (run_id)",
            [("b", "ROW EXCLUSIVE", False), ("breaks", "ACCESS SHARE", True)],
        ),
        ("DROP INDEX breaks_old", [("breaks_old", "ACCESS EXCLUSIVE", False)]),
        ("DO $$ BEGIN UPDATE people SET x = 1; END $$", [("people", "ROW EXCLUSIVE", True)]),
        ("CREATE FUNCTION f() AS $$ UPDATE people SET x = 1 $$", []),
        ("GRANT SELECT ON breaks TO tieout_reader", []),
    ],
)
def test_a_statement_locks(statement: str, effects: list[tuple[str, str, bool]]) -> None:
    assert [(e.table, e.lock, e.reads_all) for e in effects_of(statement)] == effects
