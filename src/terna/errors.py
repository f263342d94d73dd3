"""The error tree: what went wrong, where, and what to do about it.

TernaError            anything terna refuses; a stage prints it and ends with status 1
├── SettingsError     the settings do not fit the schema or each other
├── DownloadError     a file could not be fetched, or is not the declared file
├── DataError         a corpus, a triplet table or a token table is malformed or empty
├── ModelError        a backbone, tokenizer or exported folder cannot be used
├── PublishError      a release must not go out, or could not
├── AddressError      the demo cannot be served where it was asked for
├── ProcessError      processes that train one model do not fit together, or one of them is lost
└── BusyError         another process works in the same folder
"""

LONGEST = 1000
"""Characters of a library's own words that a message repeats: they may hold the content of a file."""


def words_of(error: object) -> str:
    """What a library says of an error, in one line of at most LONGEST characters."""
    said = " ".join(str(error).split())
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"


class TernaError(Exception):
    """Anything terna refuses: the message says what was found, where, and the remedy."""


class SettingsError(TernaError):
    """Settings that do not fit the schema or each other; the message holds every fault."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        heading = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__("\n".join([f"{heading} in the settings:", *(f"  {fault}" for fault in faults)]))


class DownloadError(TernaError):
    """A file could not be fetched, or is not the declared file."""


class DataError(TernaError):
    """Data that are malformed or empty; the message names file and line where there is one."""


class ModelError(TernaError):
    """A backbone, tokenizer or exported folder that cannot be used."""


class PublishError(TernaError):
    """A release that must not go out as it is, or that the hub did not take."""


class AddressError(TernaError):
    """An address on this machine that cannot be served on."""


class ProcessError(TernaError):
    """Processes that train one model and do not fit together, or of which one is lost."""


class BusyError(TernaError):
    """A folder in which another process works; the message says which, and since when."""
