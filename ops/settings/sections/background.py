"""Settings of background work: how far each part of it yields to callbacks."""

from typing import Annotated

from pydantic import Field

from ops.settings.values import Section, Whole

Nice = Annotated[Whole, Field(ge=0, le=19)]


class BackgroundSettings(Section):
    """How far each part yields: 0, it competes with callbacks, to 19, it takes what they leave.

    Attributes:
        reconcile: runs, also those of a sweep, and what-ifs.
        proofs: verify, replay, seals, checkpoints and archives.
        imports: statement files and pulls.
        reports: packs, totals and figures.
    """

    reconcile: Nice = 10
    proofs: Nice = 10
    imports: Nice = 10
    reports: Nice = 10
