"""``tieout provider``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "list": "ops.commands.provider.listing:list_providers",
        "check": "ops.commands.provider.check:check",
        "conformance": "ops.commands.provider.conformance:conformance",
    }
)
