"""How much the console's memory grows with the views of its pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

#: Views after which memory is what it stays, and those after which it is compared.
SETTLED_VIEWS, COMPARED_VIEWS = 2_000, (10_000, 30_000)
#: Views after which it is read besides.
EARLY_VIEWS = 500
#: Most percent that it may grow by from one of these to the next.
AIM_PERCENT = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Growth of memory between two numbers of views.

    Attributes:
        mebibytes: how much more there was at the end.
        percent: the same, of what there was at the beginning.
    """

    since: int
    until: int
    mebibytes: float
    percent: float

    @property
    def is_flat(self) -> bool:
        """Whether the aim is met."""
        return self.percent < AIM_PERCENT

    def line(self) -> str:
        """The growth and the aim, as people read them."""
        verdict = "met" if self.is_flat else "missed"
        return (
            f"memory: {self.mebibytes:+.1f} MiB ({self.percent:+.2f} %)"
            f" from view {self.since:,} to {self.until:,};"
            f" the aim, below {AIM_PERCENT:g} %, is {verdict}"
        )


def marks_of(views: int) -> Sequence[int]:
    """The numbers of views after which memory is read, up to the last view."""
    marks = {EARLY_VIEWS, SETTLED_VIEWS, *COMPARED_VIEWS, views}
    return sorted(mark for mark in marks if 0 < mark <= views)


def growths(memory: Mapping[int, float]) -> list[Growth]:
    """Growth from each number of views to the next, once memory has settled.

    Args:
        memory: MiB by the number of views until then.
    """
    settled = sorted(views for views in memory if views >= SETTLED_VIEWS)
    return [
        Growth(
            since=since,
            until=until,
            mebibytes=memory[until] - memory[since],
            percent=100 * (memory[until] / memory[since] - 1),
        )
        for since, until in pairwise(settled)
    ]
