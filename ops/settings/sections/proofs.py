"""Settings of proofs on a schedule."""

from datetime import timedelta

from ops.settings.values import Duration, Section, Timeout


class ProofsSettings(Section):
    """How often the scheduler seals days and proves the books.

    Attributes:
        every: the time between two rounds of proofs; 0s: only on request.
        sample: how long a stretch of batches each round decides again.
    """

    every: Duration = timedelta(0)
    sample: Timeout = timedelta(minutes=10)
