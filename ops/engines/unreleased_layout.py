"""Refuse a data directory that a version from before the first release filled."""

import psycopg

from ops.engines.data_directory import DataDirectory
from storage.schema_version import UnreleasedSchema, current_revision, refuse_unreleased
from vocabulary.errors import Unavailable


def refuse_unreleased_layout(home: DataDirectory, url: str) -> None:
    """Check the schema of the running embedded database; nothing is changed.

    A database that went away meanwhile is not checked: its next user reports the outage.

    Raises:
        Unavailable: no migration leads from its schema; the message says what to do.
    """
    try:
        revision = current_revision(url)
        if revision is not None:
            refuse_unreleased(revision)
    except psycopg.OperationalError:
        return
    except UnreleasedSchema as error:
        raise Unavailable(
            f"the data directory {home.root} was made by an earlier, unreleased version "
            f"(schema {error.revision}) and cannot be migrated; nothing was changed. Run "
            "`tieout down`, remove the directory and run `tieout init`"
        ) from error
