"""Links from docs/ to the code: the site does not hold it, so they become the path, and a path must be there."""

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

LOG = logging.getLogger("mkdocs.hooks.terna")
OUTSIDE = re.compile(r"\[([^\]\n]+)\]\((\.\./[^)\s]+)\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Replace each link that leaves docs/ by its text and path; a path that is not there fails a strict build."""
    root = Path(config.config_file_path).parent

    def told(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(config.docs_dir, posixpath.dirname(page.file.src_uri), link[2]))
        if not Path(path).exists():
            LOG.warning("%s: a link to %s, which is not there", page.file.src_uri, link[2])
        named = Path(path).relative_to(root).as_posix()
        if link[1].strip("`/") == named:
            return f"`{named}`"
        return f"{link[1]} (`{named}`)"

    return OUTSIDE.sub(told, markdown)
