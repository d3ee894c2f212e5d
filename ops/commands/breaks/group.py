"""``tieout breaks``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "list": "ops.commands.breaks.listing:list_breaks",
        "show": "ops.commands.breaks.listing:show",
        "groups": "ops.commands.breaks.listing:groups",
        "ageing": "ops.commands.breaks.listing:ageing",
        "sla": "ops.commands.breaks.listing:sla",
        "assign": "ops.commands.breaks.actions:assign",
        "comment": "ops.commands.breaks.actions:comment",
        "attach": "ops.commands.breaks.actions:attach",
        "explain": "ops.commands.breaks.actions:explain",
        "wait": "ops.commands.breaks.actions:wait",
        "close": "ops.commands.breaks.actions:close",
        "reopen": "ops.commands.breaks.actions:reopen",
        "propose": "ops.commands.breaks.corrections:propose",
        "write-off": "ops.commands.breaks.corrections:write_off",
        "approve": "ops.commands.breaks.corrections:approve",
        "reject": "ops.commands.breaks.corrections:reject",
        "bulk": "ops.commands.breaks.bulk:bulk",
        "evidence": "ops.commands.breaks.evidence:evidence",
        "relist": "ops.commands.breaks.relisting:relist",
    }
)
