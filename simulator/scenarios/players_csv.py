"""The players of a run as the file that ``tieout players import`` reads."""

import csv
from collections.abc import Mapping, Sequence
from typing import TextIO

from simulator.protocol.messages import Player, ProviderSystem
from vocabulary.money import exponent_of, text_from_minor


def write_roster(
    file: TextIO, players: Sequence[Player], slugs: Mapping[ProviderSystem, str]
) -> None:
    """Write one row per player with a handle column for each side that takes part."""
    sides = sorted(slugs)
    writer = csv.writer(file, lineterminator="\n")
    handles = [f"handle:{slugs[side]}" for side in sides]
    writer.writerow(["player", "currency", "balance", *handles])
    for one in players:
        opening = text_from_minor(one.opening, exponent_of(one.currency))
        named = [one.handles[side] for side in sides]
        writer.writerow([one.player, one.currency, opening, *named])
