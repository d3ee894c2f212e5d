"""Where each thing has its page. Pure."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from types import MappingProxyType
from urllib.parse import quote, quote_plus

from ledger.enums import OWN_SLUG
from reports.find.hits import Hit
from reports.find.query import FoundKind

#: Names that browsers take for a folder, even if they are escaped.
_FOLDERS = frozenset({"", ".", ".."})


def address(*parts: object, **query: object) -> str:
    """A path of these parts, each escaped whole, with a query of what is not None.

    Names in the query need no escaping. A part that no path can hold leads to a search for it.
    """
    texts = [str(part) for part in parts]
    if not _FOLDERS.isdisjoint(texts):
        return f"/find?q={quote_plus(texts[-1])}"
    path = "".join([f"/{_escaped_part(text)}" for text in texts])
    fields = [
        f"{name}={_escaped(str(value))}" for name, value in query.items() if value is not None
    ]
    return f"{path}?{'&'.join(fields)}" if fields else path


def query_text(fields: Mapping[str, str | None]) -> str:
    """A query of the fields that have a text; their names need no escaping."""
    return "&".join([f"{name}={_escaped(text)}" for name, text in fields.items() if text])


#: A table has thousands of links with the same few days, providers and currencies.
_escaped = lru_cache(maxsize=1_024)(quote_plus)
_escaped_part = lru_cache(maxsize=1_024)(partial(quote, safe=""))


def hit_address(hit: Hit) -> str:
    """The page of what was found; empty: it has none, its facts say what is known."""
    if "archive" in hit.facts:
        return ""  # its rows are away
    find_address = _OF_HITS.get(hit.kind)
    return "" if find_address is None else find_address(hit)


def fact_address(hit: Hit, name: str) -> str:
    """The page of a fact of what was found; empty: it has none."""
    fact = hit.facts[name]
    match name:
        case "player" if fact != "unknown":
            return address("players", fact)
        case "round" if hit.provider not in {None, OWN_SLUG} and fact:
            return address("rounds", hit.provider, fact)
        case "batch" if fact.isdigit():
            return address("batches", fact)
        case "run":
            return address("runs", fact)
        case "break" if fact != "none":
            return address("breaks", fact)
        case "stored file":
            return address("files", fact)
        case _:
            return ""


def _of_adjustment(hit: Hit) -> str:
    break_id = hit.facts["break"]
    return "" if break_id == "none" else address("breaks", break_id)


def _of_finding(hit: Hit) -> str:
    file = hit.facts.get("stored file")
    return address("files", file) if file else address("feeds", hit.provider)


def _of_record(hit: Hit) -> str:
    return address("rounds", hit.provider, hit.facts["round"])


_OF_HITS: Mapping[FoundKind, Callable[[Hit], str]] = MappingProxyType(
    {
        FoundKind.BREAK: lambda hit: address("breaks", hit.id),
        FoundKind.RUN: lambda hit: address("runs", hit.id),
        FoundKind.WRITE_OFF: lambda hit: address("breaks", hit.facts["break"]),
        FoundKind.ADJUSTMENT: _of_adjustment,
        FoundKind.INVOICE: lambda hit: address("invoices", hit.id),
        FoundKind.DISPUTE: lambda hit: address("disputes", hit.id),
        FoundKind.FINDING: _of_finding,
        FoundKind.TRANSACTION: lambda hit: address("operations", hit.id),
        FoundKind.ROUND: lambda hit: address("rounds", hit.provider, hit.id),
        FoundKind.RECORD: _of_record,
        FoundKind.REQUEST: lambda hit: address("requests", hit.id),
        FoundKind.PLAYER: lambda hit: address("players", hit.id),
        FoundKind.HANDLE: lambda hit: address("players", hit.facts["player"]),
        FoundKind.FILE: lambda hit: address("files", hit.id),
        FoundKind.BATCH: lambda hit: address("batches", hit.id),
        FoundKind.SEAL: lambda hit: address("seals", hit.facts["day"]),
    }
)
