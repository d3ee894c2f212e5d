"""Tampering with booked residuals; see ``tests.harness.books.differences.residuals``."""

from tests.harness.tampering.rows import Tampering, found_by

#: A transaction that the database would accept from a run, with its entries and its day.
DOUBLED = """
WITH booked AS (
  INSERT INTO residuals (run_id, provider, round_id, match_key, currency, sequence, before,
                         after, corrects, booked_at)
  SELECT run_id, provider, round_id, match_key, currency, 2, after, 2 * after, residual_id,
         booked_at
    FROM residuals WHERE residual_id = 1
  RETURNING *
)
INSERT INTO residual_entries (residual_id, leg, account, provider, match_key, currency, amount)
SELECT residual_id, e.leg, e.account, provider, match_key, currency, e.amount
  FROM booked
 CROSS JOIN (VALUES (1, 'ggr'::account_kind, -2), (2, 'difference', 2)) e (leg, account, amount)
"""

OF_RESIDUALS: dict[str, Tampering] = {
    "a residual's amount": found_by(
        "UPDATE residuals SET after = after + 1 WHERE residual_id = 1",
        "residuals_are_entered",
        "residuals_equal_runs",
        replay=None,
        audit="residual 1",
    ),
    "an entry of a residual": found_by(
        "UPDATE residual_entries SET amount = amount + 1 WHERE residual_id = 1 AND leg = 2",
        "residual_entries_sum_to_zero",
        "residuals_are_entered",
        replay=None,
        audit="entry 2 of residual 1",
    ),
    "both entries of a residual": found_by(
        "UPDATE residual_entries SET amount = amount * 2 WHERE residual_id = 1",
        "residuals_are_entered",
        replay=None,
        audit="entry 1 of residual 1",
    ),
    "the provider of a residual's entry": found_by(
        "UPDATE residual_entries SET provider = 'other' WHERE residual_id = 1 AND leg = 1",
        "residuals_are_entered",
        replay=None,
        audit="entry 1 of residual 1",
    ),
    "the entries of a residual removed": found_by(
        "DELETE FROM residual_entries WHERE residual_id = 1",
        "residuals_are_entered",
        replay=None,
        audit="entry 1 of residual 1",
    ),
    "a residual removed": found_by(
        "DELETE FROM residuals WHERE residual_id = 3",
        "residuals_are_entered",
        "residuals_equal_runs",
        "sealed_days_keep_their_rows",
        replay=None,
        audit="residual 3",
    ),
    "a residual removed with its entries": found_by(
        "WITH gone AS (DELETE FROM residual_entries WHERE residual_id = 3)"
        " DELETE FROM residuals WHERE residual_id = 3",
        "residuals_equal_runs",
        "sealed_days_keep_their_rows",
        replay=None,
        audit="residual 3",
    ),
    "a residual booked twice": found_by(
        DOUBLED,
        "residuals_equal_runs",
        "sealed_days_keep_their_rows",
        replay=None,
        audit="residual 5",
    ),
    "a residual's predecessor": found_by(
        "UPDATE residuals SET corrects = 1 WHERE residual_id = 3",
        "residuals_follow",
        replay=None,
        audit="residual 3",
    ),
    "a residual's round": found_by(
        "UPDATE residuals SET round_id = 'elsewhere' WHERE residual_id = 3",
        "residuals_follow",
        replay=None,
        audit="residual 3",
    ),
    "a residual's run": found_by(
        "UPDATE residuals SET run_id = 'run-a' WHERE residual_id = 3",
        "residuals_equal_runs",
        replay=None,
        audit="residual 3",
    ),
    "a residual's instant": found_by(
        "UPDATE residuals SET booked_at = booked_at - interval '1 hour' WHERE residual_id = 1",
        replay=None,
        audit="residual 1",
    ),
    "a run's stated bookings": found_by(
        "UPDATE runs SET manifest = jsonb_build_object('booked_minor', jsonb_build_object("
        "'EUR', '6')) WHERE run_id = 'run-a'",
        "residuals_equal_runs",
        replay=None,
        audit=None,
    ),
    "a run with bookings marked as partial": found_by(
        "UPDATE runs SET whole = false WHERE run_id = 'run-a'",
        "residuals_equal_runs",
        replay=None,
        audit=None,
    ),
    "a write-off's amount": found_by(
        "UPDATE write_offs SET amount = amount + 1",
        "write_offs_are_booked",
        replay=None,
        audit=None,
    ),
    "the booking of a write-off": found_by(
        "UPDATE residuals SET after = after + 1 WHERE write_off_id IS NOT NULL",
        "residuals_are_entered",
        "write_offs_are_booked",
        replay=None,
        audit="residual 4",
    ),
    "a write-off's booking given to a run": found_by(
        "UPDATE residuals SET run_id = 'run-a', write_off_id = NULL"
        " WHERE write_off_id IS NOT NULL",
        "residuals_equal_runs",
        "write_offs_are_booked",
        replay=None,
        audit="residual 4",
    ),
    "a run with bookings removed": found_by(
        "DELETE FROM runs WHERE run_id = 'run-a'",
        "residuals_equal_runs",
        replay=None,
        audit=None,
    ),
}
