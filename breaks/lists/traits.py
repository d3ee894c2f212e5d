"""What decides about the group of a break, without its texts and documents.

Tables read: ``breaks``, ``break_workflows``, ``players``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

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


class BreakTraits(NamedTuple):
    """A break that is not closed, as groups need it; see ``TrackedBreak``.

    A tuple, because the groups of all breaks make tens of thousands of them at once.
    """

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
    rows = connection.execute(text(_OPEN), {"provider": provider}).all()
    return [_traits(row) for row in rows]


def traits_named(connection: Connection, ids: Sequence[str]) -> list[BreakTraits]:
    """Those of the breaks that there are and that are not closed."""
    rows = connection.execute(text(_NAMED), {"ids": list(ids)}).all()
    return [_traits(row) for row in rows]


def known_among(connection: Connection, players: Sequence[str]) -> frozenset[str]:
    """Those of the players whom we know."""
    rows = connection.execute(text(_KNOWN), {"players": list(players)})
    return frozenset(rows.scalars())


def _traits(row: Sequence[Any]) -> BreakTraits:
    break_id, provider, kind, player, currency, difference, began_at = row[:7]
    first_seen, opened_at, state, game, player_known, unreadable_file, left_out_of = row[7:]
    return BreakTraits(
        break_id=break_id,
        provider=provider,
        kind=BreakKind(kind),
        player=player,
        player_known=player_known,
        game=game,
        unreadable_file=unreadable_file or None,
        left_out_of=left_out_of or None,
        began_at=began_at,
        first_seen=first_seen,
        opened_at=opened_at,
        currency=currency,
        difference=difference,
        standing=standing_of(BreakState(state), corrected=False),  # counts if closed only
    )
