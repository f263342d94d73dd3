"""A sentence that can be encoded, and what is said of one that cannot."""

import unicodedata
from http import HTTPStatus

from terna.serving.demo.refused import Refused

CHARACTERS = 1000  # of a sentence


def checked(text: object, name: str) -> str:
    """A sentence in NFC that can be encoded: text, not blank, not too long, and no half of a surrogate pair."""
    if not isinstance(text, str) or not text.strip():
        raise unfit("blank", name=name)
    if len(text) > CHARACTERS:
        raise unfit("long", name=name, found=len(text), most=CHARACTERS)
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise unfit("surrogate", name=name)
    return unicodedata.normalize("NFC", text)


def unfit(key: str, **values: object) -> Refused:
    """The refusal of what a request holds; `key` names its words without `error_`."""
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"error_{key}", **values)
