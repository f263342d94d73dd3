"""A real browser for pages of ours: how it is started, what a page says and asks for, and what makes one readable."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
WIDTHS = (375, 1440)
SCHEMES = ("light", "dark")
needs_browser = pytest.mark.skipif(not CHROMIUM, reason="no chromium: install it, or set CHROMIUM to one")

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")

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


@contextmanager
def launched() -> Iterator[Any]:
    """A browser, until the block ends."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        yield browser
        browser.close()


@contextmanager
def opened_page(
    browser: Any, address: str, width: int, scheme: str, language: str = "en-US"
) -> Iterator[tuple[Any, Heard]]:
    """A page in a window of its own, in a browser of that language, when it has settled."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, locale=language)
    page, heard = context.new_page(), Heard()
    page.on("console", lambda message: heard.console.append(message.text))
    page.on("pageerror", lambda error: heard.errors.append(str(error)))
    page.on("request", lambda asked: heard.requests.append(asked.url))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    yield page, heard
    context.close()


def beyond(page: Any) -> list[str]:
    """What reaches out of the window on the right, but for what scrolls in its own box or is drawn."""
    found: list[str] = page.evaluate(
        """(width) => [...document.querySelectorAll('html, body *')]
          .filter((one) => !one.closest('.scroll, svg') && (one.getBoundingClientRect().right > width + 0.5
            || (one === document.documentElement && one.scrollWidth > width)))
          .map((one) => `${one.tagName} ${one.textContent.slice(0, 40)}`)""",
        page.viewport_size["width"],
    )
    return found


def faint(page: Any, least: int) -> list[tuple[str, float]]:
    """The texts, of `least` at least, whose contrast is below 4.5."""
    found = page.evaluate(CONTRASTS)
    assert len(found) >= least
    return [(text, round(ratio, 2)) for text, ratio in found if ratio < 4.5]


def levels(page: Any) -> list[int]:
    """The levels of the headings, in their order."""
    names = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => h.tagName)")
    return [int(name[1]) for name in names]
