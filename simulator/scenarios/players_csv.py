"""The players of a run as the file that ``tieout players import`` reads."""

import csv
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import TextIO

from simulator.protocol.messages import Player, Side
from vocabulary.currencies import ISO_ONLY, digits_of
from vocabulary.money import text_from_minor


def write_roster(file: TextIO, players: Sequence[Player], slugs: Mapping[Side, str]) -> None:
    """Write one row per player with a handle column for each side that takes part."""
    sides = sorted(slugs, key=attrgetter("name"))
    writer = csv.writer(file, lineterminator="\n")
    columns = [f"handle:{slugs[side]}" for side in sides]
    writer.writerow(["player", "currency", "balance", *columns])
    for player in players:
        opening = text_from_minor(player.opening, digits_of(player.currency, ISO_ONLY))
        handles = [player.handles[side] for side in sides]
        writer.writerow([player.player, player.currency, opening, *handles])
