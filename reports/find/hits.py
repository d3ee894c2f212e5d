"""What was found: one hit for each thing, with its key facts and the next commands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from reports.find.query import FoundKind
from vocabulary.currencies import joined_exponents
from vocabulary.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One thing that the text names; the names are JSON keys.

    Attributes:
        id: by which commands take it; its name if it has no id.
        provider: whose it is; None if it belongs to no provider.
        summary: what it is, in one line.
        facts: what to know about it, one line each.
        next: commands that lead on, the most useful first.
        exact: whether the text names it as a whole: no prefix, no amount.
    """

    kind: FoundKind
    id: str
    provider: str | None
    summary: str
    facts: Mapping[str, str]
    next: tuple[str, ...] = ()
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that a text names, the best hit first; the names are JSON keys.

    Attributes:
        query: the text as it was typed.
        searched: what was looked for, in words.
        hits: at most as many as were asked for.
        cut: whether there are more hits than these.
        advice: what would make the search better, in sentences.
    """

    query: str
    searched: tuple[str, ...]
    hits: tuple[Hit, ...]
    cut: bool
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchScope:
    """Where to search.

    Attributes:
        zones: the providers by slug, each with the IANA zone of its business days.
        exponents: by slug, the provider's overrides of digits after the decimal point.
        day: the business day of an amount; without one no amount is searched.
        limit: the most hits to return.
    """

    zones: Mapping[str, str]
    exponents: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    day: date | None = None
    limit: int = 20

    def money(self, minor: int, currency: str, provider: str | None) -> str:
        """An amount with its currency, in a provider's digits."""
        own = self.exponents.get(provider or "")
        exponents = joined_exponents(self.exponents.values()) if own is None else own
        return Money(minor, currency).text_with_currency(exponents=exponents)


def best_first(hits: Iterable[Hit]) -> list[Hit]:
    """Order hits: exact ones first, then by kind; equally good ones keep their order."""
    kinds = list(FoundKind)
    unique: dict[tuple[FoundKind, str | None, str], Hit] = {}
    for hit in sorted(hits, key=lambda hit: not hit.exact):
        unique.setdefault((hit.kind, hit.provider, hit.id), hit)
    return sorted(unique.values(), key=lambda hit: (not hit.exact, kinds.index(hit.kind)))
