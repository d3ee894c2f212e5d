"""A snapshot whose cross-checks read only what the corrections of one round can change.

Where rounds are matched by their ids, a correction changes the breaks of its round, what these
explain, and the balances of the players of the round. Whatever a cross-check finds elsewhere in
the window is found without the correction and with it, so a trial need not read it.
"""

from collections.abc import Collection, Mapping
from typing import Any

from reconcile.findings.balance_chain import STEPS
from reconcile.findings.corrections import CORRECTIONS
from reconcile.findings.journal import CONFLICTS, TOMBSTONES
from reconcile.findings.unanswered import UNANSWERED
from reconcile.findings.vanished import VANISHED
from reconcile.snapshot.arrays import texts
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.snapshot import Snapshot
from reconcile.trials.corrected_snapshot import CachingSnapshot

_OF_ROUND = "match_key = ANY ({keys}::bigint[])"
#: The condition on the rows of each query of a whole window.
_CONDITIONS: Mapping[str, str] = {
    **dict.fromkeys((UNANSWERED, TOMBSTONES, CONFLICTS, VANISHED), _OF_ROUND),
    CORRECTIONS: "round_id = ANY ({rounds}::text[]) OR player = ANY ({players}::text[])",
    STEPS: "wallet_id = ANY ({wallets}::bigint[])",
}
_WALLETS = "SELECT wallet_id FROM wallets WHERE player = ANY ({players}::text[])"


class NarrowedSnapshot(CachingSnapshot):
    """Another snapshot, whose cross-checks are about one round and its players.

    Args:
        rounds: the ids of the round, ours and the provider's.
        keys: the match keys of these ids.
        player: whom the corrections concern.
    """

    def __init__(
        self, snapshot: Snapshot, *, rounds: Collection[str], keys: Keys, player: str
    ) -> None:
        super().__init__(snapshot)
        self._rounds, self._keys, self._player = sorted(rounds), keys, player

    def query(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Run a query of few rows, or one of the window for the round alone."""
        condition = _CONDITIONS.get(query)
        if condition is None:
            return super().query(query, **values)
        names = [name for name in ("keys", "rounds", "players", "wallets") if name in condition]
        scope = {name: self._scope(name) for name in names}
        # The database applies the condition within the query, whose order remains.
        narrowed = f"SELECT * FROM ({query}) of_window WHERE {condition}"  # noqa: S608 - ours
        return super().query(narrowed, **values, **scope)

    def _scope(self, name: str) -> list[Any]:
        match name:
            case "keys":
                return [int(key) for key in self._keys]
            case "rounds":
                return list(self._rounds)
            case "wallets":
                rows = super().query(_WALLETS, players=self._players())
                return sorted(row["wallet_id"] for row in rows)
            case _:
                return self._players()

    def _players(self) -> list[str]:
        """The players of the round on either side: a correction can change whose it is."""
        sides = self.records(self._keys)
        names = (*texts(sides.ours["player"]), *texts(sides.theirs["player"]), self._player)
        return sorted(set(map(str, names)))
