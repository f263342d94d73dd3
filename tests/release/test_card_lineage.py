"""The card tells where the weights come from: the commit, the versions, the digests on the way."""

from dataclasses import replace
from pathlib import Path

from card_inputs import LINEAGE, card_of, settings_of, tables_of


def test_the_digests_on_the_way_to_the_weights_stand_in_the_card_in_full(root: Path) -> None:
    [rows] = tables_of(card_of(settings_of(root)), "## Lineage")
    assert [tuple(row.values()) for row in rows] == [
        ("translate", "`data/nli/pairs.parquet`", f"`{'22' * 32}`"),
        ("triplets", "`data/triplets/train.parquet`", f"`{'23' * 32}`"),
        ("tokens", "`data/tokens/ids.npy`", f"`{'24' * 32}`"),
        ("train", "`models/encoder/model.safetensors`", f"`{'26' * 32}`"),
    ]


def test_the_card_says_which_code_ran_and_whether_it_was_in_that_commit(root: Path) -> None:
    settings = settings_of(root)
    changed, clean, unknown = (
        card_of(settings, lineage=lineage).split("## Lineage\n\n")[1].splitlines()[0]
        for lineage in (LINEAGE, replace(LINEAGE, modified=[]), replace(LINEAGE, commit=None, modified=[]))
    )
    what = "Python 3.11.9, Linux x86_64; terna 0.1.0, torch 2.8.1, scipy unknown."
    assert changed == f"Commit `{'1a' * 20}`, with 1 files changed since. {what}"
    assert clean == f"Commit `{'1a' * 20}`. {what}"
    assert unknown == f"The commit of the code is unknown. {what}"
