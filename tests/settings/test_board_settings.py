"""conf/board.yaml, composed and checked: every fault in one message."""

from pathlib import Path

import pytest

from terna.errors import SettingsError
from terna.settings import compose
from terna.settings.board import Listed, load_board

FEW = ["systems=[minilm]", "benchmarks=[sts2015_es,paws_es]"]


def test_systems_and_benchmarks_are_chosen_and_added_on_the_command_line(root: Path) -> None:
    board = load_board(compose(root / "conf", [*FEW, "+systems.ours.path=models/encoder"], "board"))
    assert list(board.systems) == ["minilm", "ours"]
    assert board.systems["ours"].where == "models/encoder"
    assert list(board.benchmarks) == ["sts2015-es", "paws-es"]
    assert [board.evaluate.score_of(name) for name in board.benchmarks] == ["cosine_spearman", "cosine_ap"]


def test_a_system_of_the_hub_is_at_its_commit_or_at_main() -> None:
    assert Listed(hub="owner/name", revision="ab" * 20).where == f"owner/name@{'ab' * 20}"
    assert Listed(hub="owner/name").where == "owner/name@main"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["+systems.x={}"], "systems.x: hub and path are both null; give one of them"),
        (["+systems.x={hub:a/b,path:c}"], "systems.x: hub and path are both set; give one of them"),
        ([f"+systems.x={{path:c,revision:{'0a' * 20}}}"], "systems.x.revision: a path has no revision; remove it"),
        (["+systems.x={hub:a/b,revision:main}"], "systems.x.revision"),
        (["+systems.x={pat:c}"], "systems.x.pat: unknown key; did you mean systems.x.path?"),
        (["level=2"], "level: 2 is not allowed"),
        (["main_score=cosine_best"], "main_score"),
        (["+corpora=esxnli"], "corpora: unknown key"),
        (
            ["+benchmarks.mean={format:columns,shape:classed,role:test,exact:false,files:[a.tsv]}"],
            "benchmarks.mean: the board calls the mean over benchmarks so; give the benchmark another name",
        ),
        (["~systems.minilm"], "systems: empty; choose at least one"),
    ],
)
def test_what_is_wrong_is_refused_by_key(root: Path, words: list[str], told: str) -> None:
    with pytest.raises(SettingsError) as fault:
        load_board(compose(root / "conf", [*FEW, *words], "board"))
    assert told in str(fault.value)
