"""The body of a request → what it asks for, checked: a fault is `Refused`, with the field that it is in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from terna.metrics.similarity import SIMILARITIES
from terna.serving.demo import files
from terna.serving.demo.refused import Refused
from terna.serving.demo.sentences import CHARACTERS, checked, unfit

# What a request may hold. The bytes bound the work: a MiniLM on one core is at it for a quarter of a minute.
BODY = 1 << 18
SENTENCES = 1000
GROUPS = 20
LIMITS = {
    "body": BODY,
    "sentences": SENTENCES,
    "characters": CHARACTERS,
    "groups": GROUPS,
    "file": files.BYTES,
    "lines": files.MOST,
}
# a file's text as JSON, where a quote or the end of a line takes two bytes, and its name
FILE_BODY = 2 * files.BYTES + (1 << 12)

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


@dataclass(frozen=True)
class Neighbours:
    """A query, and the file to search."""

    file: str
    query: str


def pair(body: Body) -> Pair:
    """`{"first": …, "second": …}`."""
    _known(body, "first", "second")
    return Pair(_sentence(body, "first"), _sentence(body, "second"))


def search(body: Body) -> Search:
    """`{"query": …, "sentences": […], "measure": …}`; by default cosine."""
    _known(body, "query", "sentences", "measure")
    measure = body.get("measure", SIMILARITIES[0])
    if measure not in SIMILARITIES:
        raise unfit("measure", measures=", ".join(SIMILARITIES))
    return Search(_sentence(body, "query"), _sentences(body), measure)


def groups(body: Body) -> Groups:
    """`{"sentences": […], "k": …}`; k may be null or missing."""
    _known(body, "sentences", "k")
    k = body.get("k")
    # a bool is an int to Python
    if k is not None and (type(k) is not int or not 1 <= k <= GROUPS):
        raise unfit("groups", most=GROUPS)
    return Groups(_sentences(body), k)


def file(body: Body) -> files.Lines:
    """`{"name": …, "text": …}`: a file, whose name says its format."""
    _known(body, "name", "text")
    name, text = _sentence(body, "name"), body.get("text")
    if not isinstance(text, str):
        raise unfit("blank", name="text")
    if (found := len(text.encode("utf-8", "surrogatepass"))) > files.BYTES:
        raise unfit("file_size", name=name, found=found, most=files.BYTES)
    return files.parsed(name, text)


def state(body: Body) -> str:
    """`{"id": …}`: what a file is asked for by."""
    _known(body, "id")
    return _sentence(body, "id")


def neighbours(body: Body) -> Neighbours:
    """`{"id": …, "query": …}`."""
    _known(body, "id", "query")
    return Neighbours(_sentence(body, "id"), _sentence(body, "query"))


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
        raise unfit("field", name=unknown[0][:40], names=", ".join(names))


def _sentence(body: Body, name: str) -> str:
    return checked(body.get(name), name)


def _sentences(body: Body) -> list[str]:
    given = body.get("sentences")
    if not isinstance(given, list) or not given:
        raise unfit("list")
    if len(given) > SENTENCES:
        raise unfit("many", found=len(given), most=SENTENCES)
    return [checked(text, str(number)) for number, text in enumerate(given, start=1)]
