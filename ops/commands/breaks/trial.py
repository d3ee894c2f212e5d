"""What trying a correction showed, in lines of at most 80 columns. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from breaks.corrections.trials import current_trial
from breaks.store import TrackedBreak
from ops.commands.breaks.lines import wrapped


def trial_lines(break_: TrackedBreak) -> Iterator[str]:
    """The breaks that close and open, the entries, the balances, and what is overruled."""
    trial = current_trial(break_)
    if trial is None:
        return
    yield from wrapped(f"tried by the rules of {trial['run_id']}, nothing was booked:")
    for verb in ("closes", "opens", "changes"):
        for other in trial[verb]:
            yield from wrapped(f"{verb} {_break_text(other)}", indent="  ")
    if not trial["cured"]:
        yield from wrapped(
            f"{break_.break_id} stays: explain it after the booking", indent="  "
        )
    yield from wrapped(f"posts {_entries_text(trial['entries'], break_.currency)}", indent="  ")
    yield from wrapped(
        f"balance of {break_.player}: {trial['balance_before']} → {trial['balance_after']}"
        f" {break_.currency}",
        indent="  ",
    )
    for contradiction in trial["contradictions"]:
        verb = "overrules" if contradiction["source"] in trial["overruled"] else "against"
        sentence = f"{verb} {contradiction['source']}: {contradiction['sentence']}"
        yield from wrapped(sentence, indent="  ")


def _break_text(other: Mapping[str, str]) -> str:
    return (
        f"{other['id']} {other['kind']} of round {other['round_key']},"
        f" {other['difference']} {other['currency']}"
    )


def _entries_text(entries: Sequence[Mapping[str, str]], currency: str) -> str:
    return (
        ", ".join(f"{entry['account']} {entry['amount']}" for entry in entries) + f" {currency}"
    )
