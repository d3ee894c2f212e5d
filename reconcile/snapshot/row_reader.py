"""What matching by attributes looks up of rounds that only one side has."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from reconcile.snapshot.frames import Keys, RecordSides


class RowReader(Protocol):
    """Reads about single rounds; no result depends on which other rounds are asked about."""

    def records(self, keys: Keys, *, balances: bool = True) -> RecordSides:
        """Return the full rows of these keys; see ``Snapshot.records``."""
        ...

    def keys_of_both(self, ours: Keys, theirs: Keys) -> Keys:
        """Return the keys of our rows and theirs that the other side has at any time."""
        ...

    def round_ids(self, ours: Keys, theirs: Keys) -> Mapping[int, str]:
        """Return the round ids of keys that only one side has."""
        ...

    def player_hashes(self, players: Sequence[str]) -> Keys:
        """Return the hash of each player, as TIMED_KEYS frames hold it."""
        ...
