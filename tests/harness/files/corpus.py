"""The corpus: a seed is a statement file, its settings, and what reading it must give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tests.harness.files.damaged_cells import CELL_DAMAGES, Damage
from tests.harness.files.damaged_files import BYTE_DAMAGES, STRUCTURE_DAMAGES
from tests.harness.files.draft import Cause, Draft, draft_of
from tests.harness.files.lines import Line
from tests.harness.files.parquet_files import parquet_file
from tests.harness.files.text_files import text_file
from tests.harness.files.workbooks import workbook

#: The share of files that are damaged.
DAMAGED = 0.5
_ENDS = {
    "csv": ".csv",
    "jsonl": ".jsonl",
    "array": ".json",
    "xlsx": ".xlsx",
    "parquet": ".parquet",
}
#: All damages that a file may have.
DAMAGES = tuple(
    damage.name for group in (CELL_DAMAGES, STRUCTURE_DAMAGES, BYTE_DAMAGES) for damage in group
)
_GROUPS: tuple[tuple[Damage, ...], ...] = (
    CELL_DAMAGES,
    CELL_DAMAGES,
    STRUCTURE_DAMAGES,
    STRUCTURE_DAMAGES,
    BYTE_DAMAGES,
    BYTE_DAMAGES,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementFile:
    """One file of the corpus.

    Attributes:
        name: of the file.
        form: its format and packing.
        settings: of the provider's statement, as a user writes them.
        lines: what must be read of it, in order.
        damage: what was done to it; empty: nothing.
        causes: findings of which one must be there; empty: none may be.
        is_exact: every line must be read, although there is a finding; else at most these.
        may_pass: the damage may be harmless.
        needs_store: only an import notices the damage.
    """

    seed: int
    name: str
    form: str
    data: bytes
    settings: Mapping[str, object]
    lines: Sequence[Line]
    damage: str
    causes: Sequence[Cause]
    is_exact: bool
    may_pass: bool
    needs_store: bool


def statement_file(seed: int) -> StatementFile:
    """The file of a seed."""
    draft = draft_of(seed)
    damage = _damage(draft, Random(f"damage {seed}"))
    draft.name = _name(draft, seed)
    if damage is not None:
        draft.damage = damage.name
    is_late = damage in BYTE_DAMAGES
    if damage is not None and not is_late:
        damage.apply(draft)
    draft.data = _written(draft)
    if damage is not None and is_late:
        damage.apply(draft)
    return StatementFile(
        seed=seed,
        name=draft.name,
        form=draft.style.label,
        data=draft.data,
        settings=draft.settings,
        lines=tuple(draft.lines),
        damage=draft.damage,
        causes=draft.causes,
        is_exact=draft.is_exact,
        may_pass=draft.may_pass,
        needs_store=draft.needs_store,
    )


def _damage(draft: Draft, rng: Random) -> Damage | None:
    """A damage that the file can have, or none."""
    if rng.random() >= DAMAGED:
        return None
    fitting = [damage for damage in rng.choice(_GROUPS) if damage.fits(draft)]
    return rng.choice(fitting) if fitting else None


def _written(draft: Draft) -> bytes:
    match draft.style.form:
        case "xlsx":
            return workbook(draft)
        case "parquet":
            return parquet_file(draft)
        case _:
            return text_file(draft)


def _name(draft: Draft, seed: int) -> str:
    packing = f".{draft.style.packing}" if draft.style.packing else ""
    return f"statement-{seed}{_ENDS[draft.style.form]}{packing}"
