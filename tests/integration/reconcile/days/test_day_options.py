"""One command for all providers, by a day's name; what it made, and what comes next."""

from tests.integration.reconcile.conftest import DAY, STATEMENT, Office


def test_one_command_is_about_all_providers_and_a_day_by_name(office: Office) -> None:
    runs = office.json("reconcile", "--all", "--day", DAY, code=1)
    twice = ("--provider", "agg", "--provider", "agg")
    run = office.json("reconcile", *twice, "--day", DAY, code=1)
    totals = office.json("totals", "--all", "--from", DAY, "--to", "2026-03-02", code=1)
    shown = office.json("day", "show", "--day", DAY, "--all")
    printed = office.run("reconcile", "--provider", "agg", "--day", DAY, code=1)

    assert [one["provider"] for one in runs] == ["agg", "book"]
    assert run["window"] == runs[0]["window"]
    assert [one["provider"] for one in totals] == ["agg", "book"]
    assert [day["provider"] for day in shown] == ["agg", "book"]
    ((break_id,),) = office.rows("SELECT break_id FROM breaks")
    ((run_id,),) = office.rows("SELECT run_id FROM runs ORDER BY finished_at DESC LIMIT 1")
    assert break_id[:12] in printed
    assert printed.endswith(f"run {run_id}\n→ tieout breaks list --run {run_id[:12]}\n")


def test_days_of_all_providers_are_closed_and_signed_together(office: Office) -> None:
    refused = office.run("day", "close", DAY, "--all", by="maria", code=1)
    office.run("day", "prepare", DAY, "--all", "--reason", "asked", by="maria", code=1)
    signed = office.run("day", "sign", "--day", DAY, "--all", by="jonas", code=1)

    assert "no statement of 2026-03-01 was taken in" in refused
    assert f"→ tieout day prepare {DAY} --provider agg --reason WHY" in refused
    assert "signed (signed by jonas)" in signed
    assert f"refused: {DAY} of book: it is waiting for feed" in signed


def test_a_file_that_is_taken_in_leads_to_its_reconciliation(office: Office) -> None:
    file = office.folder / "day.csv"
    file.write_text(STATEMENT, encoding="utf-8")

    printed = office.run("feed", "import", str(file), "--provider", "book")

    assert printed.endswith(f"→ tieout reconcile --provider book --day {DAY}\n")
