"""Commands and programs of README and docs run as they are written, or the page's source says why no test runs them."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from clone_inputs import make_clone, run_block
from documented import Block, blocks

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pages")]

ROOT = Path(__file__).resolve().parents[2]
# these two have tests of their own, which look at what comes out as well
APART = ("tutorial", "adding")


def shown() -> dict[str, list[Block]]:
    """The commands and programs that are to be run, by page."""
    pages = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.stem not in APART)]
    found = {
        page.stem: [block for block in blocks(page.read_text(encoding="utf-8"), "sh", "python") if not block.reason]
        for page in pages
    }
    return {page: chosen for page, chosen in found.items() if chosen}


@pytest.fixture(scope="module")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small clone after `make run`, with the files that the pages' reader has."""
    folder: Path = tmp_path_factory.mktemp("trained")
    make_clone(root, folder)
    (folder / "sentences.txt").write_text("El tren llega tarde.\nHoy hay sopa.\n\nLa tienda está cerrada.\n")
    (folder / "queries.txt").write_text("trenes con retraso\n¿A qué hora abren?\n")
    (folder / "pairs.tsv").write_text("Llueve.\tHace sol.\nLlueve.\tEstá lloviendo.\n")
    run_block(Block("sh", "make run", None, None), folder)
    own = folder / "my" / "pairs.tsv"
    own.parent.mkdir()
    table = pq.read_table(folder / "data" / "nli" / "pairs.parquet")
    rows = table.select(["premise", "hypothesis", "label"]).to_pylist()
    own.write_text("".join("\t".join(row) + "\n" for row in [rows[0], *(row.values() for row in rows)]))
    own.with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.mark.parametrize("page", shown())
def test_what_a_page_shows_runs_as_it_is_written(page: str, trained: Path, tmp_path: Path) -> None:
    clone = Path(shutil.copytree(trained, tmp_path / "clone", symlinks=True))
    for block in shown()[page]:
        run_block(block, clone)


def test_most_pages_have_commands_that_run() -> None:
    assert {"README", "dashboards", "data", "evaluation", "stages", "sweeps", "use"} <= shown().keys()
