"""A stored run asked again: is it what its inputs say, and are those still the same?

The comparison is made anew from what is stored now, at the run's own instant and by its own
settings, and nothing is written. If both sides hold the rows they held then, the findings must
be the same. If they do not, the rows told since are named; rows that changed without a telling
of their own are the alarming case, and are said to be just that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from ledger.corrections.tolerance_bookings import booked_by_run
from reconcile.findings.delivery_log import ReadLogged
from reconcile.matching.conservation import NOBODY
from reconcile.runs.evaluate import Evaluation, Terms, judge
from reconcile.runs.residuals import rounds_digest
from reconcile.runs.result import breaks_digest
from reconcile.runs.run import RULES
from reconcile.snapshot.rules import Rules
from storage.engine import open_engine
from vocabulary.errors import Contradiction, Refused, Unavailable
from vocabulary.maturity import MaturityAges
from vocabulary.window import Window

#: The rules that judged while one age held for everything, as far as they were others.
_OF_ONE_AGE: Mapping[str, int] = {"classify": 2, "witness": 1}
#: Changed inputs named one by one; of more, their number.
NAMED_MAX = 50

_BOOKED = "booked to difference"
_BEYOND = "rows beyond the window"
_RUN = "SELECT * FROM runs WHERE run_id = :run"
_OURS_SINCE = """
SELECT o.op_key AS name, o.round_id, o.received_at AS at, count(*) OVER () AS total
  FROM operations o
  JOIN rounds r ON r.match_key = o.match_key AND r.provider = o.provider
               AND r.round_id = o.round_id AND r.wallet_id = o.wallet_id
 WHERE o.provider = :provider AND r.first_at >= :start AND r.first_at < :end
   AND o.batch_id > :mark
 ORDER BY o.wallet_id, o.wallet_seq LIMIT :most
"""
_THEIRS_SINCE = """
SELECT name, round_id, at, count(*) OVER () AS total FROM (
    SELECT v.record_id AS name, f.round_id, v.received_at AS at, 1 AS kind, v.version_id AS no
      FROM feed_versions v
      JOIN feed_records f ON f.provider = v.provider AND f.record_id = v.record_id
     WHERE v.provider = :provider AND v.version_id > :mark AND f.occurrence = 1
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
    """One figure of the manifest, then and now."""

    name: str
    then: str
    now: str

    @property
    def same(self) -> bool:
        """Whether nothing changed."""
        return self.then == self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedInputs:
    """Inputs of one side that were told after the run.

    Attributes:
        total: how many; ``named`` holds the first of them.
        named: operation keys or record ids, with their round and instant.
    """

    side: str
    total: int
    named: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What asking a run again came to."""

    run_id: str
    checks: tuple[ManifestCheck, ...]
    changed: tuple[ChangedInputs, ...]
    problems: tuple[str, ...]

    @property
    def verified(self) -> bool:
        """Whether the run is exactly what its inputs say, and they are what they were."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "run_id": self.run_id,
            "verified": self.verified,
            "checks": [
                {"name": c.name, "then": c.then, "now": c.now, "same": c.same}
                for c in self.checks
            ],
            "changed": [
                {"side": c.side, "total": c.total, "named": [dict(one) for one in c.named]}
                for c in self.changed
            ],
            "problems": list(self.problems),
        }


def verify_run(
    database_url: str, run_id: str, *, read: ReadLogged | None = None
) -> Verification:
    """Ask a stored run again.

    Raises:
        Refused: there is no such run, or it is too old to be asked again.
        Unavailable: the database cannot be reached.
    """
    engine = open_engine(database_url, pool_size=1)
    try:
        with engine.connect() as connection:
            row = _run(connection, run_id)
            if "inputs" not in row["manifest"]:
                raise Refused(f"run {run_id!r} was stored before runs could be asked again")
            if not row["whole"]:
                raise Refused(
                    f"run {run_id!r} looked only at what had changed: ask a whole one"
                )
            return _verify(database_url, connection, row, read)
    except OperationalError as error:
        raise Unavailable("the database cannot be reached") from error
    finally:
        engine.dispose()


def provider_of(database_url: str, run_id: str) -> str:
    """The provider of a stored run.

    Raises:
        Refused: there is no such run.
        Unavailable: the database cannot be reached.
    """
    engine = open_engine(database_url, pool_size=1)
    try:
        with engine.connect() as connection:
            return str(_run(connection, run_id)["provider"])
    except OperationalError as error:
        raise Unavailable("the database cannot be reached") from error
    finally:
        engine.dispose()


def _run(connection: Connection, run_id: str) -> dict[str, Any]:
    row = connection.execute(text(_RUN), {"run": run_id}).mappings().one_or_none()
    if row is None:
        raise Refused(f"no run {run_id!r}")
    return dict(row)


def _verify(
    database_url: str, connection: Connection, row: Mapping[str, Any], read: ReadLogged | None
) -> Verification:
    manifest = row["manifest"]
    terms = terms_asked(row, read)
    instant = datetime.fromisoformat(manifest["now"])
    changed = tuple(
        _since(connection, side, query, mark, row)
        for side, query, mark in (
            ("ours", _OURS_SINCE, "batches"),
            ("theirs", _THEIRS_SINCE, "versions"),
        )
    )
    try:
        judged = judge(database_url, connection, terms, now=instant)
    except Contradiction as error:
        return Verification(
            run_id=row["run_id"], checks=(), changed=changed, problems=(str(error),)
        )
    checks = (*_checks(manifest, judged), _booked(connection, row))
    return Verification(
        run_id=row["run_id"],
        checks=checks,
        changed=changed,
        problems=tuple(_problems(checks, changed)),
    )


def terms_asked(row: Mapping[str, Any], read: ReadLogged | None) -> Terms:
    """What a stored run was asked, by its row of ``runs``."""
    manifest = row["manifest"]
    inputs = manifest["inputs"]
    open_after = inputs["open_after_s"]
    return Terms(
        provider=row["provider"],
        window=Window(start=row["window_from"], end=row["window_to"]),
        maturity=_ages(manifest),
        exponents=manifest["exponents"],
        open_after=None if open_after is None else timedelta(seconds=open_after),
        rules=Rules.from_json(inputs["rules"]),
        read=read if inputs["log"] else None,
    )


def _ages(manifest: Mapping[str, Any]) -> MaturityAges:
    """The ages of a run; of one from before there were several, as it judged by its one."""
    told = manifest["inputs"].get("ages")
    if told is not None:
        return MaturityAges.from_json(told)
    return MaturityAges.uniform(timedelta(seconds=manifest["maturity_s"]), in_part=False)


def _rules(manifest: Mapping[str, Any]) -> Mapping[str, int]:
    """The rules that a run is asked again by: by its ages, those of before judge too."""
    one_age = "ages" not in manifest["inputs"]
    return {**RULES, **_OF_ONE_AGE} if one_age else RULES


def _since(
    connection: Connection, side: str, query: str, mark: str, row: Mapping[str, Any]
) -> ChangedInputs:
    marks = row["manifest"]["inputs"]["marks"]
    said = {
        "provider": row["provider"],
        "start": row["window_from"],
        "end": row["window_to"],
        "mark": marks[mark] or 0,
        "withdrawn": marks.get("withdrawals") or 0,
        "most": NAMED_MAX,
    }
    rows = connection.execute(text(query), said).mappings().all()
    named = tuple(
        {"name": one["name"], "round": one["round_id"], "at": one["at"].isoformat()}
        for one in rows
    )
    return ChangedInputs(side=side, total=rows[0]["total"] if rows else 0, named=named)


def _checks(manifest: Mapping[str, Any], judged: Evaluation) -> tuple[ManifestCheck, ...]:
    found = judged.comparison
    told = breaks_digest(judged.breaks)
    then = manifest["findings"]
    pairs = [
        ("rows of ours", manifest["ours"]["identity"], str(found.ours.identity)),
        ("rows of theirs", manifest["theirs"]["identity"], str(found.theirs.identity)),
        ("rules", _text(manifest["rules"]), _text(_rules(manifest))),
        *_beyond(manifest, judged),
        *(
            (f"findings {name}", _text(then[name]), _text(told[name]))
            for name in ("by_round", "by_witness")
        ),
        (
            "residuals",
            _text(manifest["residuals_minor"]),
            _text({code: str(minor) for code, minor in found.residuals.items()}),
        ),
    ]
    if "residual_rounds" in manifest:
        rounds = rounds_digest(found.passed)
        pairs.append(("residual rounds", _text(manifest["residual_rounds"]), _text(rounds)))
    return tuple(ManifestCheck(name=name, then=was, now=is_now) for name, was, is_now in pairs)


def _booked(connection: Connection, row: Mapping[str, Any]) -> ManifestCheck:
    """What the run said it booked, and what the books hold of it."""
    then = row["manifest"].get("booked_minor", {})
    stands = {
        code: str(minor)
        for code, minor in booked_by_run(connection, row["run_id"]).items()
        if minor
    }
    return ManifestCheck(name=_BOOKED, then=_text(then), now=_text(stands))


def _beyond(manifest: Mapping[str, Any], judged: Evaluation) -> list[tuple[str, str, str]]:
    """Rows beyond the window that took part: what the next day brings there is no problem."""
    if not manifest["inputs"]["rules"]["attributes"]:
        return []
    found = judged.comparison
    then = {side: manifest[side].get("beyond", str(NOBODY)) for side in ("ours", "theirs")}
    now = {"ours": found.ours.beyond, "theirs": found.theirs.beyond}
    return [(_BEYOND, _text(then), _text({side: str(each) for side, each in now.items()}))]


def _text(value: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value[name]}" for name in sorted(value)) or "none"


def _problems(
    checks: tuple[ManifestCheck, ...], changed: tuple[ChangedInputs, ...]
) -> list[str]:
    by_name = {check.name: check for check in checks}
    problems = []
    for side in changed:
        if by_name[f"rows of {side.side}"].same:
            continue
        problems.append(
            f"the rows of {side.side} are not those of the run: {side.total} told since"
            if side.total
            else f"the rows of {side.side} changed without a telling of their own"
        )
    if not by_name[_BOOKED].same:
        problems.append("what the run booked is not what the books hold of it")
    if not by_name["rules"].same:
        problems.append("the rules are another version than the run's")
    if not problems:
        moved = _BEYOND in by_name and not by_name[_BEYOND].same
        why = f", and so do {_BEYOND}" if moved else " though the inputs are the same"
        problems += [
            f"{check.name} differ{why}"
            for check in checks
            if not check.same and check.name != _BEYOND
        ]
    return problems
