"""Try corrections of a break: ask the rules of its last run again, with them in place.

The run's request is evaluated twice at the same instant, without and with the corrections, as
``reconcile.runs.what_if`` does for other rules. Nothing is written. Rounds that are matched by
their ids are compared alone; by attributes, the whole window is.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from breaks.corrections.suggestions import Correction
from breaks.corrections.trials import PlannedEntry, Trial, TrialBreak
from breaks.states import ActionRefused
from breaks.store import TrackedBreak
from feeds.findings import findings_in
from ledger.corrections.preview import (
    BookingPreview,
    PlannedBooking,
    open_clearing,
    preview_bookings,
    wallet_balance,
)
from reconcile.findings.breaks import Break
from reconcile.findings.delivery_log import ReadLogged
from reconcile.matching.compare import FoldSide, break_rows_in_full, compare
from reconcile.matching.rounds import fold
from reconcile.runs.evaluate import breaks_without_evidence
from reconcile.runs.request import RunRequest, stored_request
from reconcile.snapshot.columns import Columns
from reconcile.snapshot.edge_keys import find_edge_keys
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.opening import snapshot_over
from reconcile.snapshot.snapshot import Snapshot
from reconcile.trials.corrected_snapshot import (
    CachingSnapshot,
    CorrectedSnapshot,
    TriedCorrections,
)
from reconcile.trials.narrowed_snapshot import NarrowedSnapshot
from reconcile.trials.sources import SourceCheck, round_keys, round_names
from storage import transactions
from vocabulary.ids import match_key

_RUN = """
SELECT run_id, provider, window_from, window_to, manifest FROM runs WHERE run_id = :run
"""
#: Finds every break of a snapshot.
FindBreaks = Callable[[Snapshot], Sequence[Break]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakTrials:
    """Tries corrections against one database; see ``breaks.corrections.trials.TryCorrections``.

    Attributes:
        readers: by provider, what reads a callback in its own log, if runs compare it.
        engine: lends each trial a connection, best one that serves nothing else and so has all
            statements prepared; None: each opens its own.
    """

    database_url: str
    readers: Mapping[str, ReadLogged | None] = field(default_factory=dict)
    engine: Engine | None = None

    def __call__(
        self, break_: TrackedBreak, corrections: Sequence[Correction], *, now: datetime
    ) -> Trial:
        """Try the corrections of a break.

        Raises:
            ActionRefused: the player has no wallet in the currency of the break, or the run
                that found it is not stored.
            RowsAreAway: rows of the window of its run left for archives.
            Unavailable: the database cannot be reached.
        """
        with self._engine() as engine, transactions.snapshot(engine, "trial") as connection:
            request = self._request(connection, break_)
            preview = _preview(connection, break_, corrections)
            tried = tried_corrections(break_, corrections, preview.balance_before, now)
            context = request.context(now)
            provider, window = break_.provider, request.window
            by_id = not request.rules.attributes
            rounds = round_names(break_) if by_id else None
            findings = findings_in(connection, provider, window, rounds=rounds)
            keys, folded_once = round_keys(break_), FoldedOnce()
            with snapshot_over(connection, provider, window, context) as snapshot:
                trial = try_on(
                    narrowed(snapshot, break_) if by_id else snapshot,
                    break_,
                    tried,
                    find=lambda of: breaks_without_evidence(
                        of, findings, request, break_rows_of(of, keys, fold_side=folded_once)
                    ),
                    request=request,
                    preview=preview,
                )
            connection.commit()  # after a rollback, psycopg forgets what it prepared
            return trial

    def _engine(self) -> AbstractContextManager[Engine]:
        if self.engine is not None:
            return nullcontext(self.engine)
        return transactions.engine_at(self.database_url, pool_size=1)

    def _request(self, connection: Connection, break_: TrackedBreak) -> RunRequest:
        run = connection.execute(text(_RUN), {"run": break_.run_id}).mappings().one_or_none()
        if run is None:
            raise ActionRefused(
                f"{break_.break_id} names {break_.run_id}, which is not stored: reconcile a"
                f" window of {break_.provider} that holds round {break_.round_id}, then try the"
                " correction again"
            )
        return stored_request(dict(run), self.readers.get(break_.provider))


def try_on(
    snapshot: Snapshot,
    break_: TrackedBreak,
    tried: TriedCorrections,
    *,
    find: FindBreaks,
    request: RunRequest,
    preview: BookingPreview,
) -> Trial:
    """Try corrections on an open snapshot.

    Args:
        snapshot: of the window of the break's last run.
        break_: what they correct.
        tried: the corrections.
        find: finds the breaks of a snapshot by the rules of that run.
        request: of that run.
        preview: what the corrections would book.
    """
    snapshot = CachingSnapshot(snapshot)  # both times, most rules ask for the same rows
    before = {b.id: b for b in find(snapshot)}
    after = {b.id: b for b in find(CorrectedSnapshot(snapshot, tried))}
    check = SourceCheck(
        snapshot,
        break_,
        tried,
        exponents=request.exponents,
        by_attributes=request.rules.attributes,
        read_logged=request.read_logged,
    )
    return Trial(
        break_id=break_.break_id,
        kind=break_.kind,
        currency=break_.currency,
        run_id=break_.run_id,
        tried_at=snapshot.context.now,
        found=break_.break_id in before,
        cured=break_.break_id not in after,
        in_round=bool(tried.stake or tried.payout),
        closes=tuple(_trial_break(b) for id_, b in before.items() if id_ not in after),
        opens=tuple(_trial_break(b) for id_, b in after.items() if id_ not in before),
        changes=tuple(
            _trial_break(b)
            for id_, b in after.items()
            if id_ in before and before[id_].difference != b.difference
        ),
        entries=tuple(
            PlannedEntry(account=str(entry.account), amount=entry.amount)
            for entry in preview.entries
        ),
        balance_before=preview.balance_before,
        balance_after=preview.balance_after,
        contradictions=check.contradictions(),
    )


def tried_corrections(
    break_: TrackedBreak, corrections: Sequence[Correction], balance: int, now: datetime
) -> TriedCorrections:
    """The corrections of a break as one change of its round and wallet."""
    amounts = {"stake": 0, "payout": 0, None: 0}
    for correction in corrections:
        amounts[correction.side] += correction.amount
    return TriedCorrections(
        round_id=break_.round_id,
        match_key=match_key(break_.provider, break_.round_id),
        player=break_.player or "",
        currency=break_.currency,
        began=break_.began_at or now,
        stake=-amounts["stake"],
        payout=amounts["payout"],
        amount=sum(amounts.values()),
        balance=balance,
    )


class FoldedOnce:
    """Folds the records of a side; those that a correction leaves alone only once."""

    def __init__(self) -> None:
        self._views: list[tuple[Columns, Columns]] = []

    def __call__(self, records: Columns, /, *, nets: bool) -> Columns:
        """Fold records, or return what these records were folded to before."""
        for known_records, view in self._views:
            if known_records is records:
                return view
        self._views.append((records, fold(records, nets=nets)))
        return self._views[-1][1]


def break_rows_of(snapshot: Snapshot, keys: Keys, *, fold_side: FoldSide = fold) -> Columns:
    """The break rows of the rounds of some keys, or by attributes those of the whole window."""
    context = snapshot.context
    if not context.rules.attributes:
        return break_rows_in_full(snapshot.records(keys), context, fold_side=fold_side)
    comparison = compare(
        snapshot.key_rows(),
        suspect=snapshot.straddling_keys(),
        fetch=snapshot.records,
        context=context,
        edge_keys=find_edge_keys(snapshot.timed_rows, snapshot.window, context.rules),
    )
    return comparison.break_rows


def narrowed(snapshot: Snapshot, break_: TrackedBreak) -> NarrowedSnapshot:
    """The snapshot with cross-checks of the break's round alone, if it is matched by its id."""
    return NarrowedSnapshot(
        snapshot,
        rounds=round_names(break_),
        keys=round_keys(break_),
        player=break_.player or "",
    )


def _preview(
    connection: Connection, break_: TrackedBreak, corrections: Sequence[Correction]
) -> BookingPreview:
    player = break_.player or ""
    balance = wallet_balance(connection, player, break_.currency)
    if balance is None:
        raise ActionRefused(f"{player or 'nobody'} has no wallet in {break_.currency}")
    clearing = open_clearing(
        connection,
        provider=break_.provider,
        round_id=break_.round_id,
        match_key=match_key(break_.provider, break_.round_id),
        player=player,
        currency=break_.currency,
    )
    bookings = [PlannedBooking(amount=c.amount, side=c.side) for c in corrections]
    return preview_bookings(balance, bookings, clearing=clearing)


def _trial_break(break_: Break) -> TrialBreak:
    return TrialBreak(
        break_id=break_.id,
        kind=break_.kind,
        round_id=break_.round_id,
        player=break_.player,
        currency=break_.currency,
        difference=break_.difference,
    )
