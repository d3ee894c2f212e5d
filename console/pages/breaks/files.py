"""A file that somebody attached to a break: downloaded, never shown."""

from breaks.attachments import attached_file
from console.config import Visit
from console.replies import FileDownload, not_found


def download(visit: Visit) -> FileDownload:
    """The file of a note."""
    number = visit.path["note"]
    note_id = int(number) if number.isascii() and number.isdigit() and len(number) < 18 else 0
    with visit.console.readers.connect() as connection:
        file = attached_file(connection, visit.path["id"], note_id)
    if file is None:
        raise not_found("file of the break", number)
    return FileDownload(name=file.name, content_type=file.media_type, content=file.content)
