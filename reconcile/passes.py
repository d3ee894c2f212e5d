"""The passes, most certain first, and what each may look at.

``exact`` and ``rounds`` work on ranges of ``match_key`` and are called by ``reconcile.compare``
themselves. The passes listed here work on what those left one-sided, split by (player,
currency): none of them ever ties across that, so any split by it gives the same result. Each
takes a PAIRS frame and gives it back with some rows tied; a row is never lost, which is checked
after each of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from reconcile.conserve import Tally, tally
from reconcile.frames import PAIRS
from reconcile.pass_attributes import by_attributes, by_balances, by_place
from reconcile.pass_groups import by_sums
from reconcile.rules import Rules
from vocabulary.errors import Contradiction


@dataclass(frozen=True, slots=True)
class MatchPass:
    """One pass over one-sided rows of whole (player, currency) groups."""

    name: str
    tie: Callable[[pd.DataFrame, Rules], pd.DataFrame]


PASSES = (
    MatchPass("balances", by_balances),
    MatchPass("place", by_place),
    MatchPass("groups", by_sums),
    MatchPass("attributes", by_attributes),
)


def tie_by_attributes(pairs: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Run every pass in its order over one-sided rows.

    ``pairs`` is a PAIRS frame with all one-sided rows of the players it holds. The result holds
    the same rows of either side, ordered by round and currency, whatever the order given.

    Raises:
        Contradiction: a pass lost, doubled or changed a row.
    """
    tied = _ordered(PAIRS.check(pairs))
    for each in PASSES:
        before = held(tied)
        tied = _ordered(each.tie(tied, rules))
        if held(tied) != before:
            raise Contradiction(f"the pass {each.name!r} does not conserve its rows")
    return tied


def held(pairs: pd.DataFrame) -> tuple[Tally, Tally]:
    """What the rows of either side come to, repeated lines left out."""
    return _held(pairs, "ours"), _held(pairs, "theirs")


def _held(pairs: pd.DataFrame, side: str) -> Tally:
    present = pairs[pairs[f"records_{side}"].notna()]
    amounts = {name: present[f"{name}_{side}"].astype("int64") for name in ("stake", "payout")}
    return tally(pd.DataFrame({"currency": present["currency"], **amounts}))


def _ordered(pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.sort_values(["round_id", "currency"], ignore_index=True)
