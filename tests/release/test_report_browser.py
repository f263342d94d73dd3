"""The page in a real browser, from the disk: nothing is asked of the network, nothing overflows, all can be read."""

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from browser_checks import SCHEMES, WIDTHS, Heard, beyond, faint, launched, levels, needs_browser, opened_page
from report_inputs import HOSTILE, LONG, contents_of

from terna.release.report import render

# beside a page of made-up results the one that was built last, or TERNA_REPORT
BUILT = Path(os.environ.get("TERNA_REPORT") or Path(__file__).parents[2] / "reports" / "index.html")
pytestmark = needs_browser


@pytest.fixture(params=["made up", "built"], scope="module")
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "built":
        if not BUILT.is_file():
            pytest.skip(f"no {BUILT}: build one (dvc repro), or set TERNA_REPORT to one")
        return BUILT.resolve().as_uri()
    path: Path = tmp_path_factory.mktemp("report") / "index.html"
    path.write_text(render(contents_of(sentence=f"{HOSTILE} {LONG}")), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as started:
        yield started


@pytest.fixture(params=[(width, scheme) for width in WIDTHS for scheme in SCHEMES], scope="module", ids=str)
def opened(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[tuple[Any, Heard]]:
    """The page, with all that is folded away laid open."""
    width, scheme = request.param
    with opened_page(browser, address, width, scheme) as (page, heard):
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        yield page, heard


def test_it_opens_in_silence_and_asks_for_nothing_else(opened: tuple[Any, Heard], address: str) -> None:
    _, heard = opened
    assert heard.console == []
    assert heard.errors == []
    assert [one for one in heard.requests if not one.startswith("data:")] == [address]


def test_every_plot_is_seen_and_has_words(opened: tuple[Any, Heard]) -> None:
    page, _ = opened
    drawn = page.locator("svg").all()
    assert len(drawn) == page.locator("figure").count() >= 15
    for one in drawn:
        box = one.bounding_box()
        assert box is not None
        assert box["width"] > 200
        assert box["height"] > 80
        assert one.get_attribute("role") == "img"
        title, told = (one.locator(f"> {name}").text_content() for name in ("title", "desc"))
        assert title
        assert len(told) > 20
        assert one.evaluate(
            "one => one.getAttribute('aria-labelledby').split(' ').every(id => document.getElementById(id))"
        )
        ink = one.evaluate(
            "one => [...one.querySelectorAll('path, use')].filter(p => p.getBoundingClientRect().width).length"
        )
        assert ink > 5


def test_no_name_and_picture_is_lost_to_a_screen_reader(opened: tuple[Any, Heard]) -> None:
    page, _ = opened
    assert page.get_by_role("img").count() == page.locator("svg").count()
    assert page.get_by_role("img", name="Training loss").count() == 1


def test_only_boxes_that_scroll_are_wider_than_the_page(opened: tuple[Any, Heard]) -> None:
    page, _ = opened
    assert beyond(page) == []
    boxes = page.evaluate(
        "[...document.querySelectorAll('.scroll')].map((one) => getComputedStyle(one).overflowX + one.tabIndex)"
    )
    assert set(boxes) == {"auto0"}


def test_no_cell_of_a_table_runs_into_another(opened: tuple[Any, Heard]) -> None:
    page, _ = opened
    spilt = page.evaluate(
        """[...document.querySelectorAll('td, tbody th')].filter((one) => one.scrollWidth > one.clientWidth + 1)
          .map((one) => one.textContent.slice(0, 40))"""
    )
    assert spilt == []


def test_all_text_stands_out_from_what_is_behind_it(opened: tuple[Any, Heard]) -> None:
    page, _ = opened
    assert faint(page, least=500) == []


def test_the_schemes_differ(browser: Any, address: str) -> None:
    grounds = set()
    for scheme in SCHEMES:
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(address)
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        context.close()
    assert len(grounds) == 2


def test_headings_are_in_order_and_the_contents_lead_to_them(opened: tuple[Any, Heard]) -> None:
    page, _ = opened
    found = levels(page)
    assert found[0] == 1
    assert found.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(found))
    sections = page.locator("main > section")
    links = page.locator("nav a")
    assert links.count() == sections.count() >= 8
    for place in range(links.count()):
        target = (links.nth(place).get_attribute("href") or "")[1:]
        assert page.locator(f"section#{target} > h2").text_content() == links.nth(place).text_content()


def test_it_is_printed_without_navigation_and_with_all_that_is_folded(browser: Any, address: str) -> None:
    context = browser.new_context(viewport={"width": 720, "height": 1000}, color_scheme="dark")
    page = context.new_page()
    page.goto(address)
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert faint(page, least=100) == []
    assert page.evaluate("[...document.querySelectorAll('details pre')].every((one) => one.checkVisibility())")
    assert page.pdf(format="A4").startswith(b"%PDF")
    context.close()
