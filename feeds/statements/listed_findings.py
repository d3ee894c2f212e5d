"""Findings about the lines of a file: the first of each cause, then how many more there are.

A wrong setting makes every line unreadable for one reason. Twenty of them show it; a million
would fill memory, the database and the screen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding

#: Findings of one cause that are listed singly.
LISTED_MAX = 20
#: Causes told apart; lines with further ones count as one cause.
CAUSES_MAX = 50

# What differs between two lines of one cause: places, numbers, and quoted content.
_VARIABLE = re.compile(r"\bcell [A-Z]{1,3}[0-9]+,? ?|\"[^\"]*\"|'[^']*'|\b(?=\w*[0-9])\w+")

_Cause = tuple[FindingKind, str]


@dataclass(slots=True)
class _CauseFindings:
    """The findings of one cause: how many, and the first and the last of them."""

    first: NewFinding
    last: NewFinding
    count: int = 0


@dataclass(slots=True)
class ListedFindings:
    """Findings in the order in which they are added, limited for each cause."""

    count: int = 0
    _listed: list[NewFinding] = field(default_factory=list)
    _by_cause: dict[_Cause, _CauseFindings] = field(default_factory=dict)

    def add(self, finding: NewFinding) -> None:
        """Add one; it is only counted if enough of its cause are listed."""
        findings = self._findings_of_cause(finding)
        findings.last = finding
        findings.count += 1
        self.count += 1
        if findings.count <= LISTED_MAX:
            self._listed.append(finding)

    def __iter__(self) -> Iterator[NewFinding]:
        yield from self._listed
        for findings in self._by_cause.values():
            if findings.count > LISTED_MAX:
                yield _rest(findings)

    def _findings_of_cause(self, finding: NewFinding) -> _CauseFindings:
        cause = (finding.kind, _VARIABLE.sub("", finding.detail))
        if cause not in self._by_cause and len(self._by_cause) >= CAUSES_MAX:
            cause = (finding.kind, "")
        return self._by_cause.setdefault(cause, _CauseFindings(finding, finding))


def _rest(findings: _CauseFindings) -> NewFinding:
    """One finding for those that are not listed."""
    first, last = findings.first, findings.last.line
    more = findings.count - LISTED_MAX
    until = "" if last is None else f", the last in line {last}"
    return NewFinding(
        kind=first.kind,
        detail=f"and {more} more with the same cause{until}; the first: {first.detail}",
        file=first.file,
        is_resolved=first.is_resolved,
        evidence={"more": more, "first_line": first.line, "last_line": last},
    )
