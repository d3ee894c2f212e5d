"""The bodies that request jobs are the arguments of the kinds that the scheduler has."""

from console.api.models.jobs import UploadBody
from console.api.resources.jobs import KINDS
from ops.jobs.registry import KINDS as REGISTERED


def test_each_kind_is_requested_with_its_own_arguments_and_right() -> None:
    # A preview is imported by `POST /jobs/{id}/import`, which knows its provider.
    assert {kind.name for kind in KINDS} == {*REGISTERED} - {"feed.import"}
    for kind in KINDS:
        registered = REGISTERED[kind.name]
        fields, arguments = kind.body.model_fields, registered.arguments.model_fields
        assert kind.right is registered.right, kind.name
        assert set(fields) - {"file"} == set(arguments), kind.name
        assert issubclass(kind.body, UploadBody) == bool(registered.files_max), kind.name
        for name in arguments:
            assert fields[name].is_required() == arguments[name].is_required(), (kind, name)
            assert fields[name].default == arguments[name].default, (kind, name)
