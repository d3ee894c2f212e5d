"""``tieout players``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "import": "ops.commands.players.importing:import_file",
        "register": "ops.commands.players.register:register",
        "show": "ops.commands.players.status:show",
        "block": "ops.commands.players.orders:block",
        "unblock": "ops.commands.players.orders:unblock",
        "exclude": "ops.commands.players.orders:exclude",
        "limit": "ops.commands.players.orders:limit",
    }
)
