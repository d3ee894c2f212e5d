"""``tieout dispute``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "open": "ops.commands.dispute.opening:open_",
        "export": "ops.commands.dispute.exporting:export",
        "import": "ops.commands.dispute.importing:import_",
        "list": "ops.commands.dispute.listing:list_",
        "show": "ops.commands.dispute.listing:show",
    }
)
