"""The site of docs/ in a real browser, from the disk: it asks for its own files and nothing else."""

from pathlib import Path

from browser_checks import WIDTHS, launched, needs_browser, opened_page
from site_inputs import build, needs_mkdocs

pytestmark = [needs_browser, needs_mkdocs]


def test_a_page_asks_for_files_of_the_site_alone(root: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    assert build(root, site).returncode == 0
    with launched() as browser:
        for page in sorted(site.glob("*.html")):
            if page.stem == "404":  # its addresses begin at a server's root
                continue
            with opened_page(browser, page.as_uri(), WIDTHS[1], "light") as (_, heard):
                assert len(heard.requests) > 1
                asked = [one for one in heard.requests if not one.startswith((site.as_uri(), "data:", "blob:"))]
                assert asked == [], page.name
                assert heard.errors == [], page.name
