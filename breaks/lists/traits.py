"""What decides about the group of a break, without its texts and documents.

Tables read: ``breaks``, ``break_workflows``, ``players``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from breaks.impact import Effects, effects_of
from breaks.kinds import BreakKind
from breaks.standing import Standing, standing_of
from breaks.states import BreakState

# Values are those of ``TrackedBreak``.
_TRAITS = """
SELECT b.break_id, b.provider, b.kind, b.player, b.currency, b.difference, b.began_at,
       b.first_seen, l.opened_at, l.state, b.games[1] AS game,
       (SELECT true FROM players p WHERE p.player = b.player LIMIT 1) IS TRUE AS player_known,
       CASE WHEN b.kind = 'unparsable_record' THEN b.evidence->>'file' END AS unreadable_file,
       CASE WHEN b.theirs IS NULL THEN b.evidence->'withdrawn'->0->>'withdrawn_by' END
         AS left_out_of
  FROM breaks b JOIN break_workflows l USING (break_id)
 WHERE l.state <> 'closed' AND {condition}
"""
_OPEN = _TRAITS.format(condition="(CAST(:provider AS text) IS NULL OR b.provider = :provider)")
_NAMED = _TRAITS.format(condition="break_id = ANY(CAST(:ids AS text[]))")
_KNOWN = "SELECT player FROM players WHERE player = ANY(CAST(:players AS text[]))"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakTraits:
    """A break that is not closed, as groups need it; see ``TrackedBreak``."""

    break_id: str
    provider: str
    kind: BreakKind
    player: str | None
    player_known: bool
    game: str | None
    unreadable_file: str | None
    left_out_of: str | None
    began_at: datetime | None
    first_seen: datetime
    opened_at: datetime
    currency: str
    difference: int
    standing: Standing

    @property
    def effects(self) -> Effects:
        """What it does between us and the player, and between us and the provider."""
        return effects_of(self.kind, self.difference)


def open_traits(connection: Connection, provider: str | None = None) -> list[BreakTraits]:
    """Every break that is not closed, of all providers or of one."""
    rows = connection.execute(text(_OPEN), {"provider": provider})
    return [_traits(row) for row in rows]


def traits_named(connection: Connection, ids: Sequence[str]) -> list[BreakTraits]:
    """Those of the breaks that there are and that are not closed."""
    return [_traits(row) for row in connection.execute(text(_NAMED), {"ids": list(ids)})]


def known_among(connection: Connection, players: Sequence[str]) -> frozenset[str]:
    """Those of the players whom we know."""
    rows = connection.execute(text(_KNOWN), {"players": list(players)})
    return frozenset(rows.scalars())


def _traits(row: Row[Any]) -> BreakTraits:
    return BreakTraits(
        break_id=row.break_id,
        provider=row.provider,
        kind=BreakKind(row.kind),
        player=row.player,
        player_known=row.player_known,
        game=row.game,
        unreadable_file=row.unreadable_file or None,
        left_out_of=row.left_out_of or None,
        began_at=row.began_at,
        first_seen=row.first_seen,
        opened_at=row.opened_at,
        currency=row.currency,
        difference=row.difference,
        standing=standing_of(BreakState(row.state), corrected=False),  # counts if closed only
    )
