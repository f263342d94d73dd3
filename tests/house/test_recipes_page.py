"""docs/recipes.md: every experiment as it composes, and sums that are right."""

import re
from pathlib import Path

import pytest
from documented import made_here, section
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

from terna.settings import compose, load


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "recipes.md").read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of a table's rows, without its head."""
    table = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


@pytest.mark.slow
def test_every_experiment_is_told_as_it_composes(root: Path, page: str) -> None:
    told = {name.strip("`"): rest for name, *rest in rows(page.split("\n## ")[0])}
    assert set(told) == {path.stem for path in (root / "conf" / "experiment").glob("*.yaml") if made_here(path)}
    for name, (backbone, corpora, batch, epochs, _) in told.items():
        settings = load(compose(root / "conf", [f"experiment={name}"]))
        assert backbone.strip("`") == settings.model.backbone, name
        assert corpora.split(", ") == list(settings.corpora), name
        assert (int(batch), int(epochs)) == (settings.train.batch_size, settings.train.epochs), name


def test_every_corpus_to_fetch_is_declared(root: Path, page: str) -> None:
    for name, *_ in rows(section(page, "To fetch")):
        assert (root / "conf" / "corpora" / f"{name.strip('`')}.yaml").is_file(), name


def test_memory_is_the_parameters_times_the_bytes(page: str) -> None:
    import torch

    with torch.device("meta"):
        bert = BertModel(BertConfig(vocab_size=31_002), add_pooling_layer=False)
        roberta = RobertaModel(
            RobertaConfig(vocab_size=50_265, max_position_embeddings=514, type_vocab_size=1), add_pooling_layer=False
        )
        minilm = BertModel(BertConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536), False)
    for model, told in zip((minilm, bert, roberta), rows(section(page, "Memory and disk")), strict=True):
        count = sum(parameter.numel() for parameter in model.parameters())
        expected = [f"{count / 1e6:.0f} M", f"{count * 4 / 1e9:.2f} GB", f"{count * 16 / 1e9:.2f} GB"]
        assert told[1:] == expected, told[0]


def test_steps_are_epochs_times_steps_an_epoch(root: Path, page: str) -> None:
    for name, steps, how in rows(section(page, "Steps and time")):
        epochs = load(compose(root / "conf", [f"experiment={name.strip('`')}"])).train.epochs
        [each] = re.findall(r"epochs of (?:[\d,]+ / \d+, whole batches alone: )?([\d,]+)", how)
        assert int(steps.replace(",", "")) == epochs * int(each.replace(",", "")), name
        for count, seconds, minutes in re.findall(r"(\d+) × (\d+) s = (\d+) minutes", how):
            assert (int(count), round(int(count) * int(seconds) / 60)) == (int(steps), int(minutes))
