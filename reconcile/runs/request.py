"""What a run is asked: a value that a manifest stores and a later verification repeats."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

from reconcile.findings.delivery_log import ReadLogged
from reconcile.snapshot.rules import BY_ROUND_ID, MatchContext, Rules
from vocabulary.build import version
from vocabulary.maturity import MaturityAges, as_ages
from vocabulary.window import Window

#: Raised whenever a rule judges the same rows differently than before.
RULE_VERSIONS: Mapping[str, int] = MappingProxyType({"match": 2, "classify": 7, "witness": 5})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a run is asked.

    Attributes:
        maturity: a row younger than this is timing: one age, or one for each kind.
        exponents: the provider's overrides of decimal places.
        open_after: a round of ours that is open for longer is a break; None: none is.
        rules: how rows may be matched beyond their round ids.
        read_logged: reads a callback in the provider's own log; None: the log is not compared.
        stale_after: a feed with nothing newer for longer counts as unread; None: none does.
        maturity_basis: what the maturity rests on, for the manifest.
        close: the business day that this run closes; None: it closes none.
        close_reason: why it is closed even if timing is left; None: it stays open then.
    """

    provider: str
    window: Window
    maturity: MaturityAges | timedelta
    exponents: Mapping[str, int] = field(default_factory=dict)
    open_after: timedelta | None = None
    rules: Rules = BY_ROUND_ID
    read_logged: ReadLogged | None = None
    stale_after: timedelta | None = None
    maturity_basis: Mapping[str, Any] | None = None
    close: date | None = None
    close_reason: str | None = None

    @property
    def ages(self) -> MaturityAges:
        """The maturity age of each kind."""
        return as_ages(self.maturity)

    def context(self, now: datetime) -> MatchContext:
        """Return what all verdicts of a run at ``now`` depend on."""
        return MatchContext(
            now=now,
            maturity=self.maturity,
            rules=self.rules,
            overdue_before=None if self.open_after is None else now - self.open_after,
        )

    def as_json(self) -> dict[str, Any]:
        """Return what a manifest stores besides provider, window, exponents and maturity."""
        open_after = self.open_after
        return {
            "open_after_s": None if open_after is None else int(open_after.total_seconds()),
            "log": self.read_logged is not None,
            "rules": self.rules.as_json(),
        }

    def digest(self) -> str:
        """Hash what the verdicts depend on besides rows, time and maturity."""
        terms = {
            **self.as_json(),
            "exponents": dict(self.exponents),
            "versions": dict(RULE_VERSIONS),
            "code": version(),
        }
        text = json.dumps(terms, sort_keys=True).encode()
        return blake2b(text, digest_size=16).hexdigest()


def stored_request(run: Mapping[str, Any], read_logged: ReadLogged | None) -> RunRequest:
    """Rebuild the request of a stored run.

    Args:
        run: its row of ``runs``.
        read_logged: as in ``RunRequest``; used only if the run compared the provider's log.
    """
    manifest = run["manifest"]
    inputs = manifest["inputs"]
    open_after = inputs["open_after_s"]
    return RunRequest(
        provider=run["provider"],
        window=Window(start=run["window_from"], end=run["window_to"]),
        maturity=_stored_ages(manifest),
        exponents=manifest["exponents"],
        open_after=None if open_after is None else timedelta(seconds=open_after),
        rules=Rules.from_json(inputs["rules"]),
        read_logged=read_logged if inputs["log"] else None,
    )


def _stored_ages(manifest: Mapping[str, Any]) -> MaturityAges:
    """Return the ages of a run; an old run had one age for everything."""
    ages = manifest["inputs"].get("ages")
    if ages is not None:
        return MaturityAges.from_json(ages)
    return MaturityAges.uniform(timedelta(seconds=manifest["maturity_s"]), in_part=False)
