"""``tieout user``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "add": "ops.commands.user.people:add",
        "list": "ops.commands.user.people:list_people",
        "disable": "ops.commands.user.people:disable",
        "enable": "ops.commands.user.people:enable",
        "roles": "ops.commands.user.people:roles",
        "token": "ops.commands.user.people:token",
        "password": "ops.commands.user.passwords:password",
        "reset": "ops.commands.user.passwords:reset",
    }
)
