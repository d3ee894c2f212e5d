"""``tieout job``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "list": "ops.commands.job.listing:list_jobs",
        "show": "ops.commands.job.listing:show",
        "cancel": "ops.commands.job.cancelling:cancel",
    }
)
