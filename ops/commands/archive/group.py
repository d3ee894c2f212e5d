"""``tieout archive``: months that leave the database, and where they are."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "export": "ops.commands.archive.exporting:export",
        "list": "ops.commands.archive.listing:list_",
        "check": "ops.commands.archive.listing:check",
        "move": "ops.commands.archive.listing:move",
        "request": "ops.commands.archive.releasing:request",
        "approve": "ops.commands.archive.releasing:approve",
        "reject": "ops.commands.archive.releasing:reject",
        "recall": "ops.commands.archive.recalling:recall_",
    }
)
