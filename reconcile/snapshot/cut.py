"""Check that no row that a comparison reads left for an archive."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from reconcile.snapshot.edge_keys import edge_span
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.rules import Rules
from storage.archive.row_cut import RowName, RowsAreAway, cut_sentence, names_away
from storage.archive.supplements import histories_away
from vocabulary.clock import iso
from vocabulary.ids import RowKind
from vocabulary.window import Window

_CUT = "SELECT max(at) AS at FROM archived_row_months"
# Of some keys, the rounds that records of the window name and whose rows, or earlier records,
# are away.
_AWAY = """
SELECT DISTINCT f.round_id, f.match_key,
       is_round_away({provider}, f.round_id, f.match_key) AS is_round
  FROM residual k
 CROSS JOIN LATERAL (SELECT * FROM feed_records x
                      WHERE x.match_key = k.match_key
                        AND x.provider IS NOT DISTINCT FROM {provider} OFFSET 0) f
 WHERE f.created_at >= {start} AND f.created_at < {end}
   AND (is_round_away({provider}, f.round_id, f.match_key)
        OR is_history_away({provider}, f.round_id, f.match_key))
 ORDER BY f.round_id
"""


class ReadsKeys(Protocol):
    """What ``require_rounds`` needs of a snapshot."""

    provider: str

    def query(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Run a query of few rows."""

    def query_keys(self, query: str, keys: Keys, **values: Any) -> list[dict[str, Any]]:
        """Run a query that reads its keys from a table ``residual``."""


def require_window(
    query: Callable[[str], Sequence[Mapping[str, Any]]],
    provider: str,
    window: Window,
    rules: Rules,
) -> None:
    """Check that all rows of a window are there, and those at its edge that take part.

    Raises:
        RowsAreAway: some left for archives.
    """
    cut: datetime | None = query(_CUT)[0]["at"]
    first = window.start - edge_span(rules)
    if cut is not None and first < cut:
        reach = "" if first == window.start else f", with rows since {iso(first)},"
        raise RowsAreAway(cut_sentence(cut, f"{provider} from {iso(window.start)} on{reach}"))


def require_rounds(snapshot: ReadsKeys, keys: Keys) -> None:
    """Check that the rounds of these keys did not leave for an archive.

    Raises:
        RowsAreAway: names the first that did; they began before the window.
    """
    if snapshot.query(_CUT)[0]["at"] is None:
        return
    away = snapshot.query_keys(_AWAY, keys)
    names = [
        RowName(kind=RowKind.ROUND, name=row["round_id"], match_key=row["match_key"])
        for row in away
        if row["is_round"]
    ]
    if names:
        raise names_away(snapshot.provider, names, "the records of the window name")
    if away:
        rounds = [row["round_id"] for row in away]
        raise histories_away(snapshot.provider, rounds, "the records of the window name")
