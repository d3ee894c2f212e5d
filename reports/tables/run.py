"""What a run rests on: maturity, the proof of conservation, and the manifest."""

from collections.abc import Iterator, Mapping
from typing import Any

from reports.grid import Amount, Column, Grid, GridRow, amount_columns
from reports.report import Pack, ProofLine
from reports.tables.summary import NO_RUN
from vocabulary.maturity import RecordKind

#: Parts of a manifest that other tables show in full.
_SHOWN_ELSEWHERE = frozenset({"unread"})
_KINDS = frozenset(map(str, RecordKind))
_SECOND_US = 1_000_000
_OF_A_SIDE = ("identity", "folded", "holds")


def maturity_grid(pack: Pack) -> Grid:
    """How young a one-sided row may be, and how that is known."""
    return Grid(
        name="Maturity",
        slug="maturity",
        sheet="Maturity",
        note="How long a row may wait for its other side before it is missing. Learned is the"
        " age by which the stated share of the provider's records had arrived; where there are"
        " too few of them, what was declared holds.",
        empty=NO_RUN,
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
    held = pack.run.manifest["inputs"].get("ripeness")
    if not held:
        yield from _given(pack.run.manifest)
        return
    for kind, told in held.items():
        share = "" if told["per_mille"] is None else told["per_mille"]
        yield kind, told["age_s"], told["source"], told["samples"], share


def _given(manifest: Mapping[str, Any]) -> Iterator[GridRow]:
    """Ages that whoever started the run named, by kind where they differ."""
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
    """The proof that no row and no amount was lost."""
    return Grid(
        name="Conservation",
        slug="conservation",
        sheet="Conservation",
        note="For either side: source + outside - undone, with several records of a round"
        " folded into one, = compared = matched + timing + breaks + excluded.",
        empty=NO_RUN,
        columns=(
            *(Column("Side", 10), Column("Line", 14), Column("Rows", 12, number=True)),
            *(Column("Currency", 10), *amount_columns(("Stake", "Payout"), 18)),
        ),
        rows=[_proof(each) for each in pack.proof()],
    )


def _proof(each: ProofLine) -> GridRow:
    where = (each.side, each.line, each.rows, each.currency)
    if not each.currency:
        return *where, "", ""
    return *where, *(Amount(minor, each.currency) for minor in (each.stake, each.payout))


def manifest_grid(pack: Pack) -> Grid:
    """Inputs, rules and versions of the run, and what identifies what it read."""
    return Grid(
        name="Manifest",
        slug="manifest",
        sheet="Manifest",
        note="What the run rests on: which rows (by identity), how far the inputs reached,"
        " which rules in which version. `tieout reconcile verify` asks it again.",
        empty=NO_RUN,
        columns=(Column("What", 40), Column("Told", 80, code=True)),
        rows=[*(_flat("", _told(pack)) if pack.run else ())],
    )


def _told(pack: Pack) -> dict[str, Any]:
    assert pack.run is not None
    manifest = pack.run.manifest
    sides = {
        side: {name: manifest[side].get(name) for name in _OF_A_SIDE}
        for side in ("ours", "theirs")
    }
    told = {name: each for name, each in manifest.items() if name not in _SHOWN_ELSEWHERE}
    return {"run": pack.run.run_id, **told, **sides}


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key in sorted(value):
            yield from _flat(f"{name}.{key}" if name else key, value[key])
    elif isinstance(value, list) and value:
        for number, each in enumerate(value, start=1):
            yield from _flat(f"{name}.{number}", each)
    else:
        yield name, _text(value)


def _text(value: object) -> str:
    if value is None or value in ({}, []):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
