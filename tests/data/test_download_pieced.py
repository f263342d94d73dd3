"""Bytes of two answers make one file only if they are of one version."""

import json
from pathlib import Path

import pytest
from download_inputs import BODY, HALF, NEWER, QUICK, Answer, Site, arrived, broken_off, digest, get, refused

from terna.data.download import fetch


@pytest.mark.parametrize("heeds", [True, False])
@pytest.mark.parametrize("exact", [True, False])
def test_a_file_that_changed_between_two_tries_is_never_pieced_together(
    site: Site, target: Path, heeds: bool, exact: bool
) -> None:
    def page(answer: Answer, turn: int) -> None:
        answer.serve(BODY, upto=HALF) if turn == 0 else answer.serve(NEWER, etag='"2"', heeds=heeds)

    site.pages["/corpus.bin"] = page
    accepted = [digest(NEWER)] if exact else []
    assert fetch([f"{site.root}/corpus.bin"], accepted, target, exact=exact, patience=QUICK) == digest(NEWER)
    assert arrived(target, NEWER)
    assert site.ranges == [None, f"bytes={HALF}-", *([] if heeds else [None])]


def test_without_a_digest_and_a_version_the_rest_is_not_asked_for(site: Site, target: Path) -> None:
    def page(answer: Answer, turn: int) -> None:
        answer.serve(BODY, etag=None, upto=HALF) if turn == 0 else answer.serve(NEWER, etag=None)

    assert get(site, target, page, exact=False) == digest(NEWER)
    assert site.ranges == [None, None]


@pytest.mark.parametrize(
    "said",
    [
        f"bytes 0-{len(BODY) - 1}/{len(BODY)}",
        f"bytes {HALF - 1}-{len(BODY) - 1}/{len(BODY)}",
        f"bytes {HALF}-{len(BODY)}/{len(BODY) + 1}",
        f"bytes {'9' * 5000}-{'9' * 5000}/*",
        "octets",
        "",
    ],
    ids=["from zero", "one off", "another length", "too long a number", "no range", "none"],
)
def test_a_wrong_content_range_is_begun_anew(site: Site, target: Path, said: str) -> None:
    def page(answer: Answer, turn: int) -> None:
        if turn == 1:
            answer.whole(BODY[HALF:], 206, **({"content_range": said} if said else {}))
        else:
            answer.serve(BODY, upto=HALF if turn == 0 else None)

    get(site, target, page, exact=False)
    assert arrived(target)
    assert site.ranges == [None, f"bytes={HALF}-", None]


def test_a_range_longer_than_it_says_is_begun_anew(site: Site, target: Path) -> None:
    def page(answer: Answer, turn: int) -> None:
        if turn == 1:
            answer.whole(BODY, 206, content_range=f"bytes {HALF}-{len(BODY) - 1}/{len(BODY)}")
        else:
            answer.serve(BODY, upto=HALF if turn == 0 else None)

    get(site, target, page)
    assert arrived(target)


def test_a_part_that_is_all_there_is_known_when_no_length_was_ever_said(site: Site, target: Path) -> None:
    broken_off(site, target)
    part, note = target.with_name(".corpus.bin.part"), target.with_name(".corpus.bin.part.json")
    part.write_bytes(BODY)
    note.write_text(json.dumps(json.loads(note.read_text()) | {"total": None}))
    get(site, target, lambda answer, _: answer.serve(BODY))
    assert arrived(target)
    assert site.ranges == [f"bytes={len(BODY)}-"]


def test_a_part_longer_than_the_file_now_is_begun_anew(site: Site, target: Path) -> None:
    broken_off(site, target)
    site.pages["/corpus.bin"] = lambda answer, _: answer.serve(BODY[:1000])
    fetch([f"{site.root}/corpus.bin"], [digest(BODY[:1000])], target, patience=QUICK)
    assert arrived(target, BODY[:1000])
    assert site.ranges == [f"bytes={HALF}-", None]


def test_a_pieced_file_that_is_wrong_is_fetched_once_from_zero(site: Site, target: Path) -> None:
    broken_off(site, target)
    target.with_name(".corpus.bin.part").write_bytes(NEWER[:HALF])
    get(site, target, lambda answer, _: answer.serve(BODY))
    assert arrived(target)
    assert site.ranges == [f"bytes={HALF}-", None]


def test_a_part_as_long_as_the_file_that_is_wrong_is_fetched_once_from_zero(site: Site, target: Path) -> None:
    broken_off(site, target)
    target.with_name(".corpus.bin.part").write_bytes(NEWER)
    get(site, target, lambda answer, _: answer.serve(BODY))
    assert arrived(target)
    assert site.ranges == [None]


def test_and_only_once(site: Site, target: Path) -> None:
    broken_off(site, target)
    line = refused(site, target, lambda answer, _: answer.serve(NEWER))
    assert f"sha256 {digest(NEWER)}, expected {digest(BODY)}" in line
    assert site.ranges == [f"bytes={HALF}-", None]
