"""The fields of a row of CSV that is one line."""

import csv
import re

from terna.errors import DataError


def cells(line: str, delimiter: str, where: str) -> list[str]:
    """The fields of a row that is one line, quoted as CSV; DataError, with `where`, for quotes that do not match."""
    try:
        fields = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise DataError(
            f"{where}: {error}; a field that begins with a quote ends with one on the same line, and a quote within "
            'it is doubled: "He said ""no""."'
        ) from error
    for field in fields:
        # white space other than spaces, after which csv takes no quote for one; within quotes it would be doubled
        behind = field[:1].isspace() and field.lstrip().startswith('"')
        if behind and re.search(f"{delimiter} *{re.escape(field)}", delimiter + line):
            raise DataError(f"{where}: {field[:60]!r} has white space before its quote; remove it")
    return fields
