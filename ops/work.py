"""The parts of background work: what a process does that nobody waits for at a receiver."""

from enum import StrEnum


class Work(StrEnum):
    """A part of background work, by its name in the settings."""

    RECONCILE = "reconcile"
    PROOFS = "proofs"
    IMPORTS = "imports"
    REPORTS = "reports"
