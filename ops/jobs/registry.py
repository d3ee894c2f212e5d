"""Every kind of job that may be requested: the one table, which the console imports, too."""

from collections.abc import Mapping

from ops.jobs.kinds import days, disputes, feeds, invoices, reports, rules
from storage.jobs.kinds import JobKind

_ALL = (
    *(days.RUN_DAY, days.CLOSE_DAY, days.SWEEP_DAY, rules.WHAT_IF),
    *(feeds.PREVIEW, feeds.IMPORT, feeds.PULL),
    *(disputes.EXPORT_DISPUTE, disputes.IMPORT_ANSWERS),
    *(invoices.RECEIVE_INVOICE, invoices.CHECK_INVOICE, invoices.APPROVE_INVOICE),
    *(reports.EXPORT_JOURNALS, reports.WRITE_STATEMENT),
)
#: Every kind by name.
KINDS: Mapping[str, JobKind] = {kind.name: kind for kind in _ALL}
