"""Tables of the run itself: maturity, conservation proof and manifest."""

from collections.abc import Iterator, Mapping
from typing import Any

from reports.grid import Amount, Column, Grid, GridRow, amount_columns
from reports.pack import Pack, ProofLine
from vocabulary.maturity import RecordKind

#: Parts of a manifest that have a table of their own.
_SHOWN_ELSEWHERE = frozenset({"unread"})
_KINDS = frozenset(map(str, RecordKind))
_SECOND_US = 1_000_000
_SIDE_FIELDS = ("identity", "folded", "holds")


def maturity_grid(pack: Pack) -> Grid:
    """How long a one-sided row may wait for its counterpart, and where that age comes from."""
    return Grid(
        name="Maturity",
        slug="maturity",
        sheet="Maturity",
        note="How long a row may wait for its counterpart before it counts as missing. A"
        " learned age is the one by which the stated share of the provider's records had"
        " arrived; with too few records the declared age applies.",
        empty=pack.no_run_text,
        columns=(
            *(Column("Operation", 16), Column("Age, seconds", 14, number=True)),
            *(Column("Source", 24), Column("Records looked at", 18, number=True)),
            Column("Share arrived, of 1,000", 24, number=True),
        ),
        rows=list(_ages(pack)),
    )


def _ages(pack: Pack) -> Iterator[GridRow]:
    if pack.run is None:
        return
    maturity = pack.run.manifest["inputs"].get("ripeness")
    if not maturity:
        yield from _requested_ages(pack.run.manifest)
        return
    for kind, age in maturity.items():
        share = "" if age["per_mille"] is None else age["per_mille"]
        yield kind, age["age_s"], age["source"], age["samples"], share


def _requested_ages(manifest: Mapping[str, Any]) -> Iterator[GridRow]:
    """The ages that the run was started with, by kind if they differ."""
    ages = {
        kind: age // _SECOND_US
        for kind, age in manifest["inputs"].get("ages", {}).items()
        if kind in _KINDS
    }
    if len(set(ages.values())) < 2:
        ages = {"any": int(manifest["maturity_s"])}
    for kind, age in ages.items():
        yield kind, age, "given with the run", "", ""


def conservation_grid(pack: Pack) -> Grid:
    """The proof that no row and no amount is lost."""
    return Grid(
        name="Conservation",
        slug="conservation",
        sheet="Conservation",
        note="For each side: source + outside - undone, with several records of a round folded"
        " into one, = compared = matched + timing + breaks + excluded. Outside: records of"
        " other windows for the same rounds. Undone: amounts that another record rolled back.",
        empty=pack.no_run_text,
        columns=(
            *(Column("Side", 10), Column("Line", 14), Column("Rows", 12, number=True)),
            *(Column("Currency", 10), *amount_columns(("Stake", "Payout"), 18)),
        ),
        rows=[_proof(line) for line in pack.proof()],
    )


def _proof(line: ProofLine) -> GridRow:
    labels = (line.side, line.line, line.rows, line.currency)
    if not line.currency:
        return *labels, "", ""
    return *labels, *(Amount(minor, line.currency) for minor in (line.stake, line.payout))


def manifest_grid(pack: Pack) -> Grid:
    """Inputs, rules and versions of the run, and the identity of what it read."""
    return Grid(
        name="Manifest",
        slug="manifest",
        sheet="Manifest",
        note="What the result depends on: the rows (by identity), how far the inputs reached,"
        " the rules and their versions. `tieout reconcile verify` recomputes it.",
        empty=pack.no_run_text,
        columns=(Column("What", 40), Column("Value", 80, name="Told", is_id=True)),
        rows=[*(_flat("", _manifest(pack)) if pack.run else ())],
    )


def _manifest(pack: Pack) -> dict[str, Any]:
    assert pack.run is not None
    manifest = pack.run.manifest
    sides = {
        side: {name: manifest[side].get(name) for name in _SIDE_FIELDS}
        for side in ("ours", "theirs")
    }
    rest = {key: value for key, value in manifest.items() if key not in _SHOWN_ELSEWHERE}
    return {"run": pack.run.run_id, **rest, **sides}


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key in sorted(value):
            yield from _flat(f"{name}.{key}" if name else key, value[key])
    elif isinstance(value, list) and value:
        for number, item in enumerate(value, start=1):
            yield from _flat(f"{name}.{number}", item)
    else:
        yield name, _text(value)


def _text(value: object) -> str:
    if value is None or value in ({}, []):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
