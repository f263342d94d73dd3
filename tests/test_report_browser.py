"""The page in a real browser, from the disk: nothing is asked of the network, nothing overflows, all can be read."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from report_inputs import HOSTILE, LONG, contents_of

from terna.report import render

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
WIDTHS = (375, 1440)
# beside a page of made-up results the one that was built last, or TERNA_REPORT
BUILT = Path(os.environ.get("TERNA_REPORT") or Path(__file__).parents[1] / "reports" / "index.html")
SCHEMES = ("light", "dark")

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium: install it, or set CHROMIUM to one")

# For each piece of text that is seen: how far its colour stands from what is behind it (WCAG 2.1, 1.4.3).
CONTRASTS = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const pixel = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const found = pixel(getComputedStyle(one).backgroundColor);
      if (found[3] === 255) return found;
      if (found[3]) throw new Error('half-transparent background');
    }
    return null;
  };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
    if (!text || one.closest('title, desc') || !one.checkVisibility()) continue;
    const style = getComputedStyle(one), back = behind(one);
    const front = pixel(one.closest('svg') ? style.fill : style.color);
    const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
    found.push([text.slice(0, 40), (high + 0.05) / (low + 0.05)]);
  }
  return found;
}"""


@dataclass
class Heard:
    """What a page said and asked for."""

    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


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
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        yield launched
        launched.close()


@pytest.fixture(params=[(width, scheme) for width in WIDTHS for scheme in SCHEMES], scope="module", ids=str)
def opened(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[tuple[Any, Heard]]:
    """The page, with all that is folded away laid open."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page, heard = context.new_page(), Heard()
    page.on("console", lambda message: heard.console.append(message.text))
    page.on("pageerror", lambda error: heard.errors.append(str(error)))
    page.on("request", lambda asked: heard.requests.append(asked.url))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    yield page, heard
    context.close()


def test_it_opens_in_silence_and_asks_for_nothing_else(opened: tuple[Any, Heard], address: str) -> None:
    _, heard = opened
    assert heard.console == []
    assert heard.errors == []
    assert [one for one in heard.requests if not one.startswith("data:")] == [address]


def test_every_plot_is_seen_and_has_words(opened: tuple[Any, Heard]) -> None:
    page, _ = opened
    drawn = page.locator("svg").all()
    assert len(drawn) == page.locator("figure").count() >= 13
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
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = page.evaluate(
        """(width) => [...document.body.querySelectorAll('*')]
          .filter((one) => !one.closest('.scroll, svg') && one.getBoundingClientRect().right > width + 0.5)
          .map((one) => `${one.tagName} ${one.textContent.slice(0, 40)}`)""",
        width,
    )
    assert beyond == []
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
    found = page.evaluate(CONTRASTS)
    assert len(found) > 500
    assert [(text, round(ratio, 2)) for text, ratio in found if ratio < 4.5] == []


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
    levels = [
        int(name[1])
        for name in page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => h.tagName)")
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    sections = page.locator("main > section")
    links = page.locator("nav a")
    assert links.count() == sections.count() == 9
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
    assert [(text, ratio) for text, ratio in page.evaluate(CONTRASTS) if ratio < 4.5] == []
    assert page.evaluate("[...document.querySelectorAll('details pre')].every((one) => one.checkVisibility())")
    assert page.pdf(format="A4").startswith(b"%PDF")
    context.close()
