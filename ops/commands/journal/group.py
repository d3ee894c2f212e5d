"""``tieout journal``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "export": "ops.commands.journal.exporting:export",
        "list": "ops.commands.journal.listing:list_journals",
    }
)
