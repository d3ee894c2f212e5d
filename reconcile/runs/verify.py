"""Verify a stored run: repeat it, and check whether its inputs are still the same.

The comparison is repeated from what is stored now, at the run's own instant and with its own
settings, and nothing is written. If both sides hold the same rows as then, the findings must be
the same. If they do not, the inputs reported since are named. Rows that changed without such a
report are the alarming case, and the result says so. Cross-checks read more than these rows; if
they find something else, what came since for them is named too.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from ledger.corrections.tolerance_bookings import booked_by_run
from reconcile.findings.delivery_log import ReadLogged
from reconcile.matching.comparison import Comparison
from reconcile.matching.conservation import NO_ROWS
from reconcile.runs.checked_since import checked_since
from reconcile.runs.evaluate import Evaluation, evaluate
from reconcile.runs.request import RULE_VERSIONS, stored_request
from reconcile.runs.residuals import rounds_digest
from reconcile.runs.result import breaks_digest
from storage.transactions import engine_at, reading
from vocabulary.errors import Contradiction, Refused
from vocabulary.window import Window

#: The rule versions of runs with one age for everything, where they differ.
_OF_ONE_AGE: Mapping[str, int] = {"classify": 2, "witness": 1}
#: The most changed inputs that are named one by one; of more, only the number is given.
NAMED_MAX = 50

_NO_READERS: Mapping[str, ReadLogged | None] = {}
_BOOKED = "booked to difference"
_EDGE_ROWS = "rows beyond the window"
_BY_CROSS_CHECKS = "findings by_witness"
#: Stands beside the sides for what cross-checks read besides their rows.
_CROSS_CHECKS = "cross-checks"
_RUN = "SELECT * FROM runs WHERE run_id = :run"
_OURS_SINCE = """
SELECT o.op_key AS name, o.round_id, o.received_at AS at, count(*) OVER () AS total
  FROM operations o
  JOIN rounds r ON r.match_key = o.match_key AND r.provider = o.provider
               AND r.round_id = o.round_id AND r.wallet_id = o.wallet_id
 WHERE o.provider = :provider AND r.first_at >= :start AND r.first_at < :end
   AND o.batch_id > :watermark
 ORDER BY o.wallet_id, o.wallet_seq LIMIT :most
"""
_THEIRS_SINCE = """
SELECT name, round_id, at, count(*) OVER () AS total FROM (
    SELECT v.record_id AS name, f.round_id, v.received_at AS at, 1 AS kind, v.version_id AS no
      FROM feed_versions v
      JOIN feed_records f ON f.provider = v.provider AND f.record_id = v.record_id
     WHERE v.provider = :provider AND v.version_id > :watermark AND f.occurrence = 1
       AND f.created_at >= :start AND f.created_at < :end
    UNION ALL
    SELECT w.record_id, w.round_id, w.changed_at, 2, w.withdrawal_id
      FROM feed_withdrawals w
     WHERE w.provider = :provider AND w.withdrawal_id > :withdrawn
       AND w.created_at >= :start AND w.created_at < :end) AS since
 ORDER BY kind, no LIMIT :most
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestCheck:
    """One value of the manifest, then and now."""

    name: str
    then: str
    now: str

    @property
    def same(self) -> bool:
        """Whether nothing changed."""
        return self.then == self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedInputs:
    """Inputs of one side, or of cross-checks alone, that were reported after the run.

    Attributes:
        total: their number; ``named`` holds the first of them.
        named: operation keys or record ids, with round and instant.
    """

    side: str
    total: int
    named: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The result of verifying a run."""

    run_id: str
    checks: tuple[ManifestCheck, ...]
    changed: tuple[ChangedInputs, ...]
    problems: tuple[str, ...]

    @property
    def verified(self) -> bool:
        """Whether the run is what its inputs give, and the inputs are unchanged."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """Return the verification as ``--json`` prints it."""
        return {
            "run_id": self.run_id,
            "verified": self.verified,
            "checks": [
                {"name": c.name, "then": c.then, "now": c.now, "same": c.same}
                for c in self.checks
            ],
            "changed": [
                {"side": c.side, "total": c.total, "named": [dict(row) for row in c.named]}
                for c in self.changed
            ],
            "problems": list(self.problems),
        }


def verify_run(
    database_url: str, run_id: str, *, readers: Mapping[str, ReadLogged | None] = _NO_READERS
) -> Verification:
    """Repeat a stored run and compare the results.

    Args:
        database_url: where the run is stored.
        run_id: of the run.
        readers: by provider, what reads a callback in its own log, if runs compare it.

    Raises:
        Refused: there is no such run, or it cannot be repeated.
        Unavailable: the database cannot be reached.
    """
    with engine_at(database_url, pool_size=1) as engine, reading(engine, "") as connection:
        run = _load_run(connection, run_id)
        if "inputs" not in run["manifest"]:
            raise Refused(f"run {run_id!r} was stored before runs could be asked again")
        if not run["whole"]:
            raise Refused(f"run {run_id!r} looked only at what had changed: ask a whole one")
        return _verify(database_url, connection, run, readers.get(run["provider"]))


def _load_run(connection: Connection, run_id: str) -> dict[str, Any]:
    row = connection.execute(text(_RUN), {"run": run_id}).mappings().one_or_none()
    if row is None:
        raise Refused(f"no run {run_id!r}")
    return dict(row)


def _verify(
    database_url: str,
    connection: Connection,
    run: Mapping[str, Any],
    read_logged: ReadLogged | None,
) -> Verification:
    manifest = run["manifest"]
    request = stored_request(run, read_logged)
    changed: tuple[ChangedInputs, ...] = (
        _changed_inputs(connection, "ours", _OURS_SINCE, "batches", run),
        _changed_inputs(connection, "theirs", _THEIRS_SINCE, "versions", run),
    )
    try:
        now = datetime.fromisoformat(manifest["now"])
        evaluation = evaluate(database_url, connection, request, now=now)
    except Contradiction as error:
        return Verification(
            run_id=run["run_id"], checks=(), changed=changed, problems=(str(error),)
        )
    checks = (*_manifest_checks(manifest, evaluation), _booking_check(connection, run))
    if any(check.name == _BY_CROSS_CHECKS and not check.same for check in checks):
        changed = (*changed, _checked_since(connection, run, request.window, now))
    return Verification(
        run_id=run["run_id"],
        checks=checks,
        changed=changed,
        problems=(*_problems(checks, changed), *_unread_log(run, read_logged)),
    )


def _unread_log(run: Mapping[str, Any], read_logged: ReadLogged | None) -> Iterator[str]:
    """Yield the problem that a run compared the provider's log and nothing reads it now."""
    if run["manifest"]["inputs"]["log"] and read_logged is None:
        yield (
            f"the run compared the callback log of {run['provider']}, which cannot be read"
            " without its settings: configure the provider"
        )


def _rule_versions(manifest: Mapping[str, Any]) -> Mapping[str, int]:
    """Return the rule versions that apply to a run; today's rules also cover one age."""
    has_one_age = "ages" not in manifest["inputs"]
    return {**RULE_VERSIONS, **_OF_ONE_AGE} if has_one_age else RULE_VERSIONS


def _changed_inputs(
    connection: Connection, side: str, query: str, watermark: str, run: Mapping[str, Any]
) -> ChangedInputs:
    watermarks = run["manifest"]["inputs"]["marks"]
    parameters = {
        "provider": run["provider"],
        "start": run["window_from"],
        "end": run["window_to"],
        "watermark": watermarks[watermark] or 0,
        "withdrawn": watermarks.get("withdrawals") or 0,
        "most": NAMED_MAX,
    }
    rows = connection.execute(text(query), parameters).mappings().all()
    return ChangedInputs(side=side, total=rows[0]["total"] if rows else 0, named=_named(rows))


def _checked_since(
    connection: Connection, run: Mapping[str, Any], window: Window, since: datetime
) -> ChangedInputs:
    watermarks = run["manifest"]["inputs"]["marks"]
    rows = checked_since(
        connection,
        run["provider"],
        window,
        since=since,
        watermark=watermarks["batches"] or 0,
        versions=watermarks["versions"] or 0,
        most=NAMED_MAX,
    )
    return ChangedInputs(
        side=_CROSS_CHECKS, total=rows[0]["total"] if rows else 0, named=_named(rows)
    )


def _named(rows: Iterable[Mapping[Any, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {"name": row["name"], "round": row["round_id"], "at": row["at"].isoformat()}
        for row in rows
    )


def _manifest_checks(
    manifest: Mapping[str, Any], evaluation: Evaluation
) -> tuple[ManifestCheck, ...]:
    comparison = evaluation.comparison
    then, now = manifest["findings"], breaks_digest(evaluation.breaks)
    residuals = {code: str(minor) for code, minor in comparison.residuals.items()}
    values = [
        ("rows of ours", manifest["ours"]["identity"], str(comparison.ours.identity)),
        ("rows of theirs", manifest["theirs"]["identity"], str(comparison.theirs.identity)),
        ("rules", _text(manifest["rules"]), _text(_rule_versions(manifest))),
        *_edge_rows(manifest, comparison),
        *(
            (f"findings {name}", _text(then[name]), _text(now[name]))
            for name in ("by_round", "by_witness")
        ),
        ("residuals", _text(manifest["residuals_minor"]), _text(residuals)),
    ]
    if "residual_rounds" in manifest:
        rounds = rounds_digest(comparison.residual_rows)
        values.append(("residual rounds", _text(manifest["residual_rounds"]), _text(rounds)))
    return tuple(ManifestCheck(name=name, then=old, now=new) for name, old, new in values)


def _booking_check(connection: Connection, run: Mapping[str, Any]) -> ManifestCheck:
    """Compare what the run reported as booked with what the ledger holds of it."""
    then = run["manifest"].get("booked_minor", {})
    stands = {
        code: str(minor)
        for code, minor in booked_by_run(connection, run["run_id"]).items()
        if minor
    }
    return ManifestCheck(name=_BOOKED, then=_text(then), now=_text(stands))


def _edge_rows(
    manifest: Mapping[str, Any], comparison: Comparison
) -> list[tuple[str, str, str]]:
    """Return the edge rows then and now; new ones of the next day are no problem."""
    if not manifest["inputs"]["rules"]["attributes"]:
        return []
    then = {side: manifest[side].get("beyond", str(NO_ROWS)) for side in ("ours", "theirs")}
    now = {"ours": str(comparison.ours.edge), "theirs": str(comparison.theirs.edge)}
    return [(_EDGE_ROWS, _text(then), _text(now))]


def _text(value: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value[name]}" for name in sorted(value)) or "none"


def _problems(
    checks: tuple[ManifestCheck, ...], changed: tuple[ChangedInputs, ...]
) -> list[str]:
    by_name = {check.name: check for check in checks}
    problems = []
    since = {side.side: side.total for side in changed}
    for side in changed:
        if side.side == _CROSS_CHECKS or by_name[f"rows of {side.side}"].same:
            continue
        problems.append(
            f"the rows of {side.side} are not those of the run:"
            f" {side.total} reported again since"
            if side.total
            else f"the rows of {side.side} changed although nothing was received since"
        )
    if not by_name[_BOOKED].same:
        problems.append("what the run booked is not what the books hold of it")
    if not by_name["rules"].same:
        problems.append("the rules are another version than the run's")
    if not problems:
        moved = _EDGE_ROWS in by_name and not by_name[_EDGE_ROWS].same
        why = f", and so do {_EDGE_ROWS}" if moved else " though the inputs are the same"
        later = since.get(_CROSS_CHECKS, 0)
        by_later = f": {later} of what {_CROSS_CHECKS} read came since" if later else why
        problems += [
            f"{check.name} differ{by_later if check.name == _BY_CROSS_CHECKS else why}"
            for check in checks
            if not check.same and check.name != _EDGE_ROWS
        ]
    return problems
