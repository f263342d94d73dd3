"""The body of a request → what it asks for, checked: a fault is `Refused`, with the field that it is in."""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from terna.metrics.similarity import SIMILARITIES
from terna.serving.demo.refused import Refused

# What a request may hold. The bytes bound the work: a MiniLM on one core is at it for a quarter of a minute.
BODY = 1 << 18
SENTENCES = 1000
CHARACTERS = 1000  # of a sentence
GROUPS = 20
LIMITS = {"body": BODY, "sentences": SENTENCES, "characters": CHARACTERS, "groups": GROUPS}

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """Two sentences to compare."""

    first: str
    second: str


@dataclass(frozen=True)
class Search:
    """A query, and sentences to rank by one of SIMILARITIES."""

    query: str
    sentences: list[str]
    measure: str


@dataclass(frozen=True)
class Groups:
    """Sentences to put into k groups; None: into as many as suit them."""

    sentences: list[str]
    k: int | None


def pair(body: Body) -> Pair:
    """`{"first": …, "second": …}`."""
    _known(body, "first", "second")
    return Pair(_sentence(body, "first"), _sentence(body, "second"))


def search(body: Body) -> Search:
    """`{"query": …, "sentences": […], "measure": …}`; by default cosine."""
    _known(body, "query", "sentences", "measure")
    measure = body.get("measure", SIMILARITIES[0])
    if measure not in SIMILARITIES:
        raise _unfit("measure", measures=", ".join(SIMILARITIES))
    return Search(_sentence(body, "query"), _sentences(body), measure)


def groups(body: Body) -> Groups:
    """`{"sentences": […], "k": …}`; k may be null or missing."""
    _known(body, "sentences", "k")
    k = body.get("k")
    # a bool is an int to Python
    if k is not None and (type(k) is not int or not 1 <= k <= GROUPS):
        raise _unfit("groups", most=GROUPS)
    return Groups(_sentences(body), k)


def parsed(content: bytes) -> Body:
    """The object that a body's JSON holds; Refused where it is none."""
    try:
        found = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # the latter: a body of nothing but brackets
        raise Refused(HTTPStatus.BAD_REQUEST, "error_json") from error
    if not isinstance(found, dict):
        raise Refused(HTTPStatus.BAD_REQUEST, "error_json")
    return found


def _known(body: Body, *names: str) -> None:
    if unknown := sorted(set(body) - set(names)):
        raise _unfit("field", name=unknown[0][:40], names=", ".join(names))


def _sentence(body: Body, name: str) -> str:
    return _checked(body.get(name), name)


def _sentences(body: Body) -> list[str]:
    given = body.get("sentences")
    if not isinstance(given, list) or not given:
        raise _unfit("list")
    if len(given) > SENTENCES:
        raise _unfit("many", found=len(given), most=SENTENCES)
    return [_checked(text, str(number)) for number, text in enumerate(given, start=1)]


def _checked(text: object, name: str) -> str:
    """A sentence in NFC that can be encoded: text, not blank, not too long, and no half of a surrogate pair."""
    if not isinstance(text, str) or not text.strip():
        raise _unfit("blank", name=name)
    if len(text) > CHARACTERS:
        raise _unfit("long", name=name, found=len(text), most=CHARACTERS)
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise _unfit("surrogate", name=name)
    return unicodedata.normalize("NFC", text)


def _unfit(key: str, **values: object) -> Refused:
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"error_{key}", **values)
