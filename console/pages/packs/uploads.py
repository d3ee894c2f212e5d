"""The file of a form, and how the values in it are written."""

from console.config import Visit
from console.uploads import UploadedFile
from vocabulary.errors import Malformed


def one_file(visit: Visit) -> UploadedFile:
    """The only file of a form.

    Raises:
        Malformed: there is none, it is empty, or there are several.
    """
    if len(visit.files) != 1:
        raise Malformed("file", "one file is expected")
    if not visit.files[0].size:
        raise Malformed("file", f"{visit.files[0].name} is empty")
    return visit.files[0]


def table_fields(visit: Visit) -> dict[str, str]:
    """The marks and the encoding that a form names; those it leaves empty stay as usual.

    A mark of thousands may be a blank.
    """
    typed = {name: visit.form.get(name, "") for name in ("decimal", "thousands", "encoding")}
    return {name: text.strip() or text for name, text in typed.items() if text}
