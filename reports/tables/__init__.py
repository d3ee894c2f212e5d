"""The tables of a report: every writer shows the same ones."""
