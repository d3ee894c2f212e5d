"""``tieout invoice``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "check": "ops.commands.finance.invoice:check",
        "receive": "ops.commands.invoice.receiving:receive",
        "list": "ops.commands.invoice.listing:list_registered",
        "show": "ops.commands.invoice.listing:show",
        "approve": "ops.commands.invoice.steps:approve",
        "dispute": "ops.commands.invoice.steps:dispute",
        "pay": "ops.commands.invoice.steps:pay",
    }
)
