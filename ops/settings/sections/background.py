"""Settings of background work: how it yields to callbacks."""

from typing import Annotated

from pydantic import Field

from ops.settings.values import Section, Whole

Nice = Annotated[Whole, Field(ge=0, le=19)]
Percent = Annotated[Whole, Field(ge=1, le=100)]


class BackgroundSettings(Section):
    """How far each part yields: 0, it competes with callbacks, to 19, it takes what they leave.

    Attributes:
        reconcile: runs, also those of a sweep, and what-ifs.
        proofs: verify, replay, seals, checkpoints and archives.
        imports: statement files and pulls.
        reports: packs, totals and figures.
        callback_p99_ms: work pauses while the p99 of callbacks is above this; 0: never.
        least_percent: of the time that work gets while they are slow.
    """

    reconcile: Nice = 10
    proofs: Nice = 10
    imports: Nice = 10
    reports: Nice = 10
    callback_p99_ms: Annotated[Whole, Field(ge=0)] = 25
    least_percent: Percent = 50
