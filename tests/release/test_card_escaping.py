"""Any text in any setting or record: the card shows it as it is, and it brings no markup in."""

import ast
import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
from card_inputs import LINEAGE, TRAINING, block_of, card_of, front_of, result, scores_of, settings_of, stats_of
from documented import programs
from huggingface_hub import ModelCard
from markdown_inputs import attacked, bare, controls, seen, shown

from terna.encoder import Usage
from terna.release.lineage import Link
from terna.settings import Corpus, Distill, File, Reported, Settings

ROOT = Path(__file__).resolve().parents[2]
# what stands for a text, for one without full stops at its end, where the card sets its own, and for one without a
# dash, behind which a licence has its version
PLAIN, UNSTOPPED, UNDASHED = "plainword", "plainsentence", "plainversion"
KNOWN = "CC-BY-NC-"


@cache
def default() -> Settings:
    return settings_of(ROOT)


def settings_with(text: str, unstopped: str, undashed: str) -> Settings:
    """The default settings with `text` in everything that is free text; a backbone in a folder, a teacher."""
    settings = default()
    address = f"https://huggingface.co/datasets/{owner(text)}/data/resolve/main/rows.tsv"
    corpus = Corpus(format="xnli_tsv", language="es", files=[File([address], [])], licence=text, citation=text)
    parallel = replace(corpus, format="moses", language=text, source=text, citation=unstopped)
    name, figures = next(iter(settings.evaluate.benchmarks)), {"cosine_pearson": 0.5}
    reported = Reported(system=text, benchmark=name, source=text, figures=figures)
    return replace(
        settings,
        corpora={"one": corpus, "two": replace(corpus, licence=KNOWN + undashed)},
        parallel={"three": parallel},
        model=replace(settings.model, backbone=f"./{text}", revision=text, scratch=None),
        train=replace(settings.train, distill=Distill(teacher=f"./{text}", sources=True, unit=True)),
        evaluate=replace(settings.evaluate, reported=[reported], systems={"other": f"./{text}"}),
        release=replace(settings.release, repo=text),
    )


def owner(text: str) -> str:
    return f"x{text}".replace("/", "")


def card_with(text: str, unstopped: str, undashed: str) -> str:
    """A card with `text` in the settings and in every record."""
    settings = settings_with(text, unstopped, undashed)
    scores, stats, [name, *_] = scores_of(settings), stats_of(settings), settings.evaluate.benchmarks
    scores[name]["by_file"] = {text: scores[name]["by_file"]["first"]}
    scores["systems"][text] = {benchmark: result(0.2) for benchmark in settings.evaluate.benchmarks}
    scores["comparisons"][name][0]["system"] = text
    for account in stats["corpora"].values():
        account |= {"sha256_in": {text: text}, "translation": {text: 3}}
    stats["translated_by"] = {"checkpoint": text, "commit": text, "sha256": text}
    stats["sha256_out"] = {text: text}
    chain = [Link(stage="train", read={}, wrote={f"{text}.safetensors": "26" * 32})]
    lineage = replace(LINEAGE, commit=text, machine=text, packages={text: text}, chain=chain)
    training = TRAINING | {"selected_on": text, "translations": 640}
    changed = {"scores": scores, "stats": stats, "lineage": lineage, "training": training}
    return card_of(settings, architecture=text, **changed)


@cache
def plain() -> str:
    return card_with(PLAIN, UNSTOPPED, UNDASHED)


def hostile(text: str) -> str:
    return card_with(text, text.rstrip("."), text.replace("-", ""))


def body(card: str) -> tuple[list[str], str, list[tuple[str, str | None]]]:
    """What a browser makes of a card, its front matter and the contents of its code blocks left out."""
    return shown(re.sub(r"^(`{3,})(\w*)\n.*?^\1$", r"\1\2\n\1", card.split("\n---\n", 1)[1], flags=re.M | re.S))


@attacked
def test_the_body_shows_every_text_as_it_is_and_has_no_other_tag_or_attribute(text: str) -> None:
    tags, words, attributes = body(hostile(text))
    plain_tags, plain_words, plain_attributes = body(plain())
    # a text that no code span can hold is escaped in its place
    assert [tag for tag in tags if "code" not in tag] == [tag for tag in plain_tags if "code" not in tag]
    assert attributes == plain_attributes
    expected = {PLAIN: text, UNSTOPPED: text.rstrip("."), UNDASHED: text.replace("-", "")}
    assert bare(words) == re.sub("|".join(expected), lambda found: bare(seen(expected[found[0]])), bare(plain_words))


@attacked
def test_a_prompt_is_shown_as_python_writes_it_and_brings_no_tag_or_attribute_in(text: str) -> None:
    (tags, words, attributes), (plain_tags, plain_words, plain_attributes) = (
        body(card_of(default(), usage=Usage({"query": prompt}, "query"))) for prompt in (text, PLAIN)
    )
    assert [tag for tag in tags if "code" not in tag] == [tag for tag in plain_tags if "code" not in tag]
    assert attributes == plain_attributes
    literal = seen(json.dumps(text, ensure_ascii=False))
    assert bare(words) == bare(plain_words).replace(f'"{PLAIN}"', bare(literal))


@attacked
def test_no_text_brings_in_a_character_that_reorders_what_is_shown(text: str) -> None:
    assert not controls(hostile(text))


@attacked
def test_the_front_matter_parses_back_to_the_very_text(text: str) -> None:
    card = hostile(text)
    front = front_of(card)
    assert front["license"] == f"{KNOWN}{text.replace('-', '')}".lower()
    assert front["datasets"] == [f"{owner(text)}/data"]
    assert front.keys() == front_of(plain()).keys()
    assert ModelCard(card).data.to_dict() == front


@attacked
def test_every_row_of_a_table_has_as_many_columns_as_its_titles(text: str) -> None:
    pipes, plain_pipes = (
        [line.count("|") for line in card.split("\n---\n", 1)[1].splitlines() if line.startswith("|")]
        for card in (hostile(text), plain())
    )
    assert pipes == plain_pipes


@attacked
def test_the_programs_and_the_parameters_hold_the_very_text(text: str) -> None:
    card = hostile(text)
    for program in programs(card):
        assert text in [node.value for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Constant)]
    assert ast.literal_eval(block_of(card, "**Loss**"))["teacher"] == f"./{text}"
    assert json.loads(block_of(card, "Parameters of the fit"))["selected_on"] == text


@pytest.mark.parametrize("backbone", ["owner/name", "_o_/__init__", "o-o/a_b_", "ñ/日本_"])
def test_the_link_to_a_backbone_goes_where_it_says(backbone: str) -> None:
    settings = default()
    card = card_of(replace(settings, model=replace(settings.model, backbone=backbone, scratch=None)))
    page = f"https://huggingface.co/{backbone}"
    tags, words, attributes = shown(card.split("\n---\n", 1)[1].split("## Usage")[0])
    assert page in [unquote(value or "") for name, value in attributes if name == "href"]
    assert f"Its backbone is {backbone}, revision" in words or f"Its backbone is {backbone}." in words
    assert "em" not in tags and "strong" not in tags
