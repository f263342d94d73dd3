"""A download that broke off is resumed, in the same call and in a later one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from download_inputs import (
    BODY,
    HALF,
    MODIFIED,
    QUICK,
    Answer,
    Site,
    arrived,
    broken_off,
    digest,
    get,
    kept,
    left,
)

from terna.data.download import fetch
from terna.errors import DownloadError


@pytest.mark.parametrize(
    ("names", "version"),
    [
        ({"etag": '"1"', "modified": MODIFIED}, '"1"'),
        ({"etag": None, "modified": MODIFIED}, MODIFIED),
        ({"etag": 'W/"1"', "modified": MODIFIED}, MODIFIED),
        ({"etag": None}, None),
    ],
    ids=["etag", "date", "weak etag and date", "accept-ranges alone"],
)
def test_after_a_reset_the_rest_of_this_version_alone_is_asked_for(
    site: Site, target: Path, names: dict[str, Any], version: str | None
) -> None:
    get(site, target, lambda answer, turn: answer.serve(BODY, upto=HALF if turn == 0 else None, **names))
    assert arrived(target)
    assert site.ranges == [None, f"bytes={HALF}-"]
    assert site.versions == [None, version]
    assert set(site.encodings) == {"identity"}, "or the bytes might be others than the file's"


def test_a_server_that_ignores_ranges_is_begun_with_anew(site: Site, target: Path) -> None:
    get(site, target, lambda answer, turn: answer.serve(BODY, ranges=False, upto=HALF if turn == 0 else None))
    assert arrived(target)
    assert len(site.asked) == 2


@pytest.mark.parametrize("ranges", [True, False])
def test_what_is_left_of_a_download_that_never_ends_is_what_can_be_gone_on_with(
    site: Site, target: Path, ranges: bool
) -> None:
    line = kept(site, target, lambda answer, _: answer.serve(BODY, ranges=ranges, upto=HALF))
    assert f"{HALF} of {len(BODY)} bytes are here" in line
    assert "given up after 3 tries" in line
    assert left(target.parent) == ([".corpus.bin.part", ".corpus.bin.part.json"] if ranges else [])


def test_a_server_that_always_breaks_off_but_gets_on_is_borne_with(site: Site, target: Path) -> None:
    def page(answer: Answer, turn: int) -> None:
        answer.serve(BODY, upto=(turn + 1) * 25_000 if turn < 7 else None)

    get(site, target, page, patience=replace(QUICK, headway=20_000))
    assert arrived(target)
    assert len(site.asked) == 8 > QUICK.attempts


def test_a_later_call_goes_on_where_an_earlier_one_was_given_up(site: Site, target: Path) -> None:
    broken_off(site, target)
    get(site, target, lambda answer, _: answer.serve(BODY))
    assert arrived(target)
    assert site.ranges == [f"bytes={HALF}-"]


def test_a_later_call_with_all_bytes_there_asks_for_none(site: Site, target: Path) -> None:
    broken_off(site, target)
    target.with_name(".corpus.bin.part").write_bytes(BODY)
    get(site, target, lambda answer, _: answer.serve(BODY))
    assert arrived(target)
    assert site.asked == []


def test_another_address_gets_no_part_of_the_first_ones_bytes_and_spoils_them_only_when_it_has_some(
    site: Site, target: Path
) -> None:
    broken_off(site, target)
    site.pages["/second.bin"] = lambda answer, _: answer.serve(BODY)
    with pytest.raises(DownloadError):
        fetch([f"{site.root}/nowhere.bin"], [digest(BODY)], target, patience=QUICK)
    assert target.with_name(".corpus.bin.part").read_bytes() == BODY[:HALF]
    fetch([f"{site.root}/second.bin"], [digest(BODY)], target, patience=QUICK)
    assert arrived(target)
    assert site.ranges == [None, None]


@pytest.mark.parametrize("note", ["", "[]", "{}", "null", '{"address": 1, "validator": 2, "total": "x"}'])
def test_a_part_whose_note_makes_no_sense_is_begun_anew(site: Site, target: Path, note: str) -> None:
    broken_off(site, target)
    target.with_name(".corpus.bin.part.json").write_text(note)
    get(site, target, lambda answer, _: answer.serve(BODY))
    assert arrived(target)
    assert site.ranges == [None]


def test_the_bar_begins_where_the_earlier_call_left_off(
    site: Site, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import terna.data.download.transfer as module

    bars = []

    class Bar(module.tqdm):  # type: ignore[type-arg]
        def close(self) -> None:
            bars.append((self.initial, self.n, self.total))
            super().close()

    broken_off(site, target)
    monkeypatch.setattr(module, "tqdm", Bar)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    get(site, target, lambda answer, _: answer.serve(BODY))
    assert bars[0] == (HALF, len(BODY), len(BODY))


def test_a_server_that_sends_less_than_was_asked_for_is_asked_again(site: Site, target: Path) -> None:
    def page(answer: Answer, turn: int) -> None:
        if turn == 1:
            answer.whole(BODY[HALF:150_000], 206, content_range=f"bytes {HALF}-149999/{len(BODY)}", etag='"1"')
        else:
            answer.serve(BODY, upto=HALF if turn == 0 else None)

    get(site, target, page)
    assert arrived(target)
    assert site.ranges == [None, f"bytes={HALF}-", "bytes=150000-"]


def test_a_server_that_goes_down_half_way_is_tried_again_and_one_that_never_was_up_is_not(
    site: Site, target: Path
) -> None:
    def page(answer: Answer, _: int) -> None:
        answer.server.socket.close()
        answer.serve(BODY, upto=HALF)

    line = kept(site, target, page)
    assert "refused" in line
    assert "given up after 3 tries" in line
    assert "given up" not in kept(site, target, page)
