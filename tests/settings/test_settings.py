"""One way in: every option composes, and every fault is found at once."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from composed import plain_once, small
from pydantic import ValidationError

from terna.errors import SettingsError
from terna.settings import Machine, Settings, compose, load
from terna.settings.checks.losses import SCALE
from terna.settings.checks.mining import UNMINED
from terna.settings.checks.training import check_ray


@pytest.fixture
def composed(root: Path) -> dict[str, Any]:
    return plain_once(root, small())


def faults(config: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(config)
    return caught.value.faults


def test_the_default_settings_are_sound(composed: dict[str, Any]) -> None:
    assert isinstance(load(composed), Settings)


def test_all_faults_come_in_one_message_each_with_its_key_and_the_nearest_name(composed: dict[str, Any]) -> None:
    composed["train"] |= {"lrr": 1e-3, "epochs": "ten", "warmup": 1.5}
    composed["epochs"] = 3
    composed["evaluate"]["select_on"] = "sts-2014"
    composed["corpora"]["sample"]["licens"] = "MIT"
    del composed["model"]["max_length"]
    found = faults(composed)
    assert any(fault.startswith("train.lrr: unknown key; did you mean train.lr?") for fault in found)
    assert any(fault.startswith("train.epochs: ") and "'ten'" in fault for fault in found)
    assert any(fault.startswith("train.warmup: ") and "1.5" in fault for fault in found)
    assert any(fault.startswith("epochs: unknown key; did you mean train.epochs?") for fault in found)
    assert any(fault.startswith("evaluate.select_on: ") and "sts-sample-dev" in fault for fault in found)
    assert "corpora.sample.licens: unknown key; did you mean corpora.sample.licence?" in found
    assert "model.max_length: missing" in found
    assert len(found) == 7


def test_a_number_as_text_is_a_wrong_type_and_not_read_as_a_number(composed: dict[str, Any]) -> None:
    composed["train"]["lr"] = "1e-3"
    assert faults(composed) == ["train.lr: '1e-3' is not allowed; give a finite number, unquoted"]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"evaluate": {"select_on": "sts-sample-test"}}, "evaluate.select_on"),  # choosing on the test set
        ({"evaluate": {"replication": True}}, "evaluate.replication"),  # of nothing that chose on a test set
        ({"model": {"backbone": "some/model"}}, "model.scratch"),
        ({"model": {"scratch": None}}, "model.scratch"),
        ({"fetch": {"only": "nothing"}}, "fetch.only"),
        ({"corpora": {}}, "corpora"),
        ({"evaluate": {"systems": {"untouched": "x"}}}, "evaluate.systems.untouched"),
        ({"evaluate": {"prompts": {"nobody": {"query": "q: ", "document": ""}}}}, "evaluate.prompts.nobody"),
        ({"model": {"prompts": {"query": "", "document": ""}}}, "model.prompts"),
        ({"evaluate": {"systems": {"words": "https://example.org/words.vec"}}}, "evaluate.systems.words"),
    ],
)
def test_an_impossible_combination_is_named(composed: dict[str, Any], change: dict[str, Any], key: str) -> None:
    for group, values in change.items():
        composed[group] = composed[group] | values if values else values
    assert any(fault.startswith(f"{key}: ") for fault in faults(composed))


@pytest.mark.parametrize("name", ["baselines", "untouched", "systems", "comparisons"])
def test_no_benchmark_has_the_name_of_something_else_in_the_results(composed: dict[str, Any], name: str) -> None:
    composed["evaluate"]["benchmarks"][name] = composed["evaluate"]["benchmarks"].pop("sts-sample-test")
    assert f"evaluate.benchmarks.{name}: metrics/sts.json has something else under this name; choose another name" in (
        faults(composed)
    )


def test_a_declared_replication_may_choose_on_the_test_set(composed: dict[str, Any]) -> None:
    composed["evaluate"] |= {"select_on": "sts-sample-test", "replication": True}
    assert load(composed).evaluate.replication


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (
            {"weights": {"sampl": 2.0}},
            "train.weights.sampl: no corpus of the mix is called 'sampl'; did you mean sample?",
        ),
        (
            {"weights": {"xnli": 2}},
            "train.weights.xnli: no corpus of the mix is called 'xnli'; there are sample, sample-jsonl",
        ),
        ({"weights": {"sample": 0, "sample-jsonl": 0.0}}, "train.weights: 0 for every corpus of the mix"),
        ({"weights": {"sample": -0.5}}, "train.weights.sample: -0.5 is not allowed; give a number of at least 0"),
        ({"weights": {"sample": float("inf")}}, "train.weights.sample: inf is not allowed; give a finite number"),
        ({"wise_ft": [1.5]}, "train.wise_ft.0: 1.5 is not allowed; give a number below 1"),
        ({"l2_sp": None}, "train.l2_sp: null is not allowed; give a finite number"),
        ({"l2_sp": ".inf"}, "train.l2_sp: '.inf' is not allowed; give a finite number, unquoted"),
        ({"soup": "two"}, "train.soup: 'two' is not allowed; give a whole number, unquoted, or null"),
        ({"soup": 1}, "train.soup: 1 is not allowed; give a number of at least 2, or null"),
        ({"matryoshka": [64, 32]}, "train.matryoshka: [64, 32] is not in ascending order"),
        ({"matryoshka": [32, 32]}, "train.matryoshka: [32, 32] is not in ascending order"),
        ({"matryoshka": [0]}, "train.matryoshka.0: 0 is not allowed; give a number of at least 1"),
        ({"matryoshka": [64, 129]}, "train.matryoshka: 129, but a sentence vector has 128 dimensions"),
        ({"layer_decay": 0.0}, "train.layer_decay: 0.0 is not allowed; give a number above 0"),
        ({"layer_decay": 1.1}, "train.layer_decay: 1.1 is not allowed; give a number of at most 1"),
        ({"known_positives": "yes"}, "train.known_positives: 'yes' is not allowed; give true or false"),
        (
            {"loss": {"tuples": "rank", "scored": "cosent", "classed": "softmax", "texts": "simcse"}},
            "train.loss.tuples: no loss is named 'rank'; there are ranking, or give your own",
        ),
        (
            {"loss": {"tuples": "my loss.f", "scored": "cosent", "classed": "softmax", "texts": "simcse"}},
            "train.loss.tuples: 'my loss.f' is not allowed; give text that matches ^[A-Za-z_]",
        ),
        (
            {"loss": {"tuples": "ranking", "scored": "angle", "classed": "softmax", "texts": "simcse"}},
            "train.loss.scored: angle, but the mix has no scored pairs; leave it at cosent",
        ),
        (
            {"loss": {"tuples": "ranking", "scored": "cosent", "classed": "my.loss", "texts": "simcse"}},
            "train.loss.classed: my.loss, but the mix has no classed pairs; leave it at softmax",
        ),
        (
            {
                "loss": {"tuples": "my.loss", "scored": "cosent", "classed": "softmax", "texts": "simcse"},
                "symmetric": True,
            },
            "train.symmetric: only for the ranking loss, but train.loss.tuples is another; set it to false",
        ),
    ],
)
def test_an_option_of_training_that_cannot_be_is_named(
    composed: dict[str, Any], values: dict[str, Any], fault: str
) -> None:
    composed["train"] |= values
    [found] = faults(composed)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["train.guide={encoder: a, margin: 2.5}"], "train.guide.margin: 2.5, but cosines differ by 2"),
        (["train.guide={encoder: a, margin: 1.0, relative: true}"], "train.guide.margin: 1.0 is the whole similarity"),
        (
            ["mine.encoder=a", "mine.relative_margin=1.0"],
            "mine.relative_margin: 1.0 is not allowed; give a number below",
        ),
        (["mine.negatives=2"], "mine.negatives: 2, and mine.encoder is null"),
        (["mine.relative_margin=null"], "mine.relative_margin: null, and mine.encoder is null"),
        (["train.cosent_scale=50.0"], "train.cosent_scale: 50.0, a factor in the losses cosent and angle"),
        (["experiment=e5_small", "train.loss.scored=my.loss"], "train.cosent_scale: 30.0, a factor"),
        (["experiment=e5_small", "train.scale=50.0"], "train.scale: 50.0, a factor in the ranking loss"),
        (["experiment=es_mini", "train.scale=50.0"], "train.scale: 50.0, a factor in the ranking loss"),
        (["train.loss.tuples=my.loss", "train.scale=50.0"], "train.scale: 50.0, a factor in the ranking loss"),
        (["train.wise_ft=[0.5, 0.2, 0.5]"], "train.wise_ft: 0.5 more than once"),
        (["train.embeddings_only=true", "train.layer_decay=0.9"], "train.layer_decay: 0.9, and with train.embeddings"),
    ],
)
def test_what_would_change_nothing_is_refused(root: Path, words: list[str], found: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(compose(root / "conf", small(words)))
    [fault] = caught.value.faults
    assert fault.startswith(found)


def test_what_messages_call_the_usual_values_is_what_conf_has(composed: dict[str, Any]) -> None:
    assert composed["mine"] == {"encoder": None} | UNMINED
    assert composed["train"]["scale"] == composed["train"]["cosent_scale"] == SCALE


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (
            ["experiment=es_small", "train.weights.stsb-es=0"],
            "train.weights.stsb-es: the settings have no such key; write +train.weights.stsb-es=… to add it",
        ),
        (["train.lrr=1"], "train.lrr: the settings have no such key; did you mean train.lr?"),
        (["train.lr.x=1"], "train.lr.x: the settings have no such key; valid here: "),
        (["experiment=null"], "Config group override must be a string or a list. Got NoneType; correct the override"),
        (["model.layers=[]"], "model.layers: [] is not allowed; give a list of 1 or more, or null"),
    ],
)
def test_an_override_that_cannot_be_is_named_with_what_can(root: Path, words: list[str], fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(compose(root / "conf", small(words)))
    assert caught.value.faults[0].startswith(fault)


def test_the_options_of_training_can_be_given_at_the_command_line(root: Path) -> None:
    words = ["+train.weights={sample-jsonl: 0.5}", "train.matryoshka=[32,64]", "train.layer_decay=0.9"]
    train = load(compose(root / "conf", [*words, "model.dense={out_features:64,activation:tanh}"])).train
    assert (train.weights, train.matryoshka, train.layer_decay) == ({"sample-jsonl": 0.5}, [32, 64], 0.9)


def test_the_head_is_how_long_a_vector_is(composed: dict[str, Any]) -> None:
    composed["train"]["matryoshka"] = [128]
    composed["model"]["dense"] = {"out_features": 64, "activation": "tanh"}
    assert faults(composed) == ["train.matryoshka: 128, but a sentence vector has 64 dimensions; lower it"]


def test_a_benchmark_cannot_be_trained_on(composed: dict[str, Any]) -> None:
    composed["corpora"]["sts-sample-test"] = composed["evaluate"]["benchmarks"]["sts-sample-test"]
    assert {fault.split(":")[0] for fault in faults(composed)} == {
        "corpora.sts-sample-test",
        "corpora.sts-sample-test.role",
    }


@pytest.fixture
def graded(root: Path) -> dict[str, Any]:
    """ESXNLI, XNLI and scored pairs."""
    return plain_once(root, small(["corpora=esxnli_xnli_stsb"]))


def test_scored_pairs_are_not_translated_and_their_scale_rises(graded: dict[str, Any], root: Path) -> None:
    assert isinstance(load(graded), Settings)
    translator = compose(root / "conf", ["translate=opus_mt"])["translate"]
    graded["corpora"]["stsb-es"] |= {"language": "en", "scale": [5.0, 5.0]}
    for translate in (graded["translate"], translator):
        assert faults(graded | {"translate": translate}) == [
            "corpora.stsb-es.scale: [5.0, 5.0] is not in ascending order",
            "corpora.stsb-es.language: 'en', but scored pairs are not translated; choose a corpus in 'es'",
        ]


COLUMNS = {"format": "columns", "files": [{"addresses": ["own/pairs.csv"]}], "exact": False}
HUB = {"format": "columns", "shape": "pairs", "dataset": {"name": "owner/name"}}


@pytest.mark.parametrize(
    ("corpus", "fault"),
    [
        (COLUMNS, "shape: missing; what a row is: nli, pairs, triplets, scored, classed, texts"),
        (
            COLUMNS | {"shape": "pair"},
            "shape: 'pair' is not allowed; give 'nli', 'pairs', 'triplets', 'scored', 'classed' or 'texts', or null",
        ),
        (COLUMNS | {"shape": "pairs", "columns": {"query": "q"}}, "columns.query: shape pairs has anchor, positive"),
        (
            COLUMNS | {"shape": "pairs", "columns": {"anchor": ["q", "r"]}},
            "columns.anchor: ['q', 'r'] is not one column",
        ),
        (
            COLUMNS | {"shape": "pairs", "columns": {"anchor": 0, "positive": "p"}},
            "columns: some by name and some by pl",
        ),
        (COLUMNS | {"shape": "pairs", "columns": {"anchor": 0}}, "columns: no place for positive; give one to each"),
        (
            COLUMNS | {"shape": "pairs", "labels": {"0": "neutral"}},
            "labels: only for shape nli, not pairs; remove it",
        ),
        (COLUMNS | {"shape": "nli", "labels": {"0": None}}, "labels: every label is null, so that no row is left"),
        (
            COLUMNS | {"shape": "nli", "labels": {"0": "maybe"}},
            "labels.0: 'maybe' is not allowed; give 'entailment', 'neutral' or",
        ),
        (COLUMNS | {"shape": "pairs", "language": "en"}, "language: 'en', but pairs without labels are not translated"),
        (COLUMNS | {"shape": "texts", "files": []}, "files: empty; name its files, or a dataset of the hub"),
        (HUB, "dataset.revision: None is not a commit (40 hex digits); give one, or set corpora.own.exact to false"),
        (
            HUB | {"exact": False} | {"files": COLUMNS["files"]},
            "files: a corpus has files or a dataset of the hub, not",
        ),
        (
            HUB | {"exact": False, "dataset": {"name": "a/b", "files": ["../c"]}},
            "dataset.files.0: '../c' is not a path in",
        ),
        (HUB | {"format": "snli_jsonl"}, "dataset: only for format columns, not snli_jsonl; remove it"),
    ],
)
def test_a_mapping_of_columns_that_cannot_be_read_is_refused_by_key(
    composed: dict[str, Any], corpus: dict[str, Any], fault: str
) -> None:
    composed["corpora"] = {"own": corpus}
    composed["fetch"] = composed["fetch"] | {"corpora": ["own"]}
    assert faults(composed)[0].startswith(f"corpora.own.{fault}")


def test_a_mapping_of_columns_needs_no_more_than_its_shape_and_its_place(composed: dict[str, Any]) -> None:
    for corpus in (COLUMNS | {"shape": "pairs"}, HUB | {"exact": False}):
        composed["corpora"] = {"own": corpus}
        assert load(composed).corpora["own"].licence == "unknown"


def test_raw_text_is_learnt_by_its_loss_or_from_a_teacher_s_vectors(composed: dict[str, Any]) -> None:
    composed["corpora"] = {"own": COLUMNS | {"shape": "texts"}}
    composed["fetch"] = composed["fetch"] | {"corpora": ["own"]}
    train = composed["train"]
    for loss in ("simcse", "tsdae", "my.package.loss"):
        train["loss"]["texts"] = loss
        assert load(composed).train.loss.texts == loss
    train["distill"] = {"teacher": "a/b", "sources": False, "unit": True, "texts": "monolingual"}
    assert faults(composed) == [
        "train.loss.texts: train.distill learns raw text by the teacher's vectors; leave it at simcse"
    ]
    train["loss"]["texts"] = "simcse"
    assert isinstance(load(composed), Settings)
    train["distill"]["texts"] = "parallel"
    [found, _] = faults(composed)
    assert found.startswith("train.distill: learnt from translated sentences") or "corpora.own: raw text" in found
    assert "corpora.own: raw text, and train.distill learns translations; set train.distill.texts to monol" in str(
        faults(composed)
    )


def test_pairs_that_are_held_out_of_a_text_are_not_to_be_trained_on(root: Path) -> None:
    composed = compose(root / "conf", ["experiment=own_text"])
    assert load(composed).evaluate.benchmarks["own-dev"].task == "ranking"
    composed["triplets"]["drop_overlap"] = "none"
    [found] = faults(composed)
    assert found.startswith("triplets.drop_overlap: none, so that what own-dev holds out of it is trained on")
    composed["corpora"]["own"] |= {"shape": "pairs", "pairs": "neighbours"}
    composed["evaluate"]["benchmarks"]["own-dev"]["pairs"] = None
    assert faults(composed) == [
        "corpora.own.pairs: found in text (shape texts), not in pairs; set it to null",
        "triplets.drop_overlap: none, so that what own-dev holds out of it is trained on; set it to exact or near",
        "evaluate.benchmarks.own-dev.pairs: null; set it to title_body or neighbours",
    ]


def test_options_that_a_loss_of_raw_text_does_not_know_are_refused(composed: dict[str, Any]) -> None:
    composed["corpora"] = {"own": COLUMNS | {"shape": "texts"}}
    composed["fetch"] = composed["fetch"] | {"corpora": ["own"]}
    train = composed["train"]
    train |= {"symmetric": True, "matryoshka": [32]}
    assert isinstance(load(composed), Settings)
    train["loss"]["texts"] = "tsdae"
    train["lora"] = {"rank": 2, "alpha": 4.0, "dropout": 0.0}
    assert faults(composed) == [
        "train.matryoshka: the tsdae loss of raw text reads whole vectors; leave it at its default",
        "train.lora: the tsdae loss of raw text shares the encoder's weights with a decoder; leave it at its default",
        "train.symmetric: only for ranked triplets, but the mix has only raw texts; set it to false",
    ]


def test_a_benchmark_needs_scored_pairs(graded: dict[str, Any]) -> None:
    graded["evaluate"]["benchmarks"]["sts-sample-test"]["format"] = "xnli_tsv"
    [found] = faults(graded)
    assert found.endswith(".format: 'xnli_tsv' is not allowed; give 'semeval_sts' or 'columns'")


def test_after_is_for_scored_pairs_beside_other_data_and_ranking_for_triplets(graded: dict[str, Any]) -> None:
    graded["train"] |= {"after": {"epochs": 1, "lr": 1e-5}, "symmetric": True}
    assert isinstance(load(graded), Settings)
    impatient = graded | {"train": graded["train"] | {"patience": 3}}
    assert faults(impatient) == [
        "train.after: train.patience, 3, may end the whole run before the scored pairs are learnt; set train.patience "
        "or this to null"
    ]
    alone = graded | {"corpora": {"stsb-es": graded["corpora"]["stsb-es"]}}
    assert faults(alone) == [
        "train.after: there are not both scored pairs and other data; set it to null",
        "train.symmetric: only for ranked triplets, but the mix has only scored pairs; set it to false",
    ]
    del graded["corpora"]["stsb-es"]
    assert [fault.split(":")[0] for fault in faults(graded)] == ["train.after"]


def test_a_kind_of_pairs_whose_corpora_all_weigh_0_is_named(graded: dict[str, Any]) -> None:
    graded["train"]["weights"] = {"stsb-es": 0.0}
    assert faults(graded) == ["train.weights: 0 for every corpus of scored pairs; take stsb-es out of corpora"]
    graded["train"]["weights"] = {"esxnli": 0.0, "xnli": 0.0}
    assert faults(graded) == ["train.weights: 0 for every corpus of labelled pairs; take esxnli, xnli out of corpora"]


def test_a_cut_vocabulary_may_count_the_words_of_corpora_that_are_not_trained_on(graded: dict[str, Any]) -> None:
    graded["train"]["weights"] = {"esxnli": 0.0, "xnli": 0.0}
    refused = "train.weights: 0 for every corpus of labelled pairs; take esxnli, xnli out of corpora"
    assert refused in faults(graded)
    graded["model"]["vocabulary"]["keep"] = {"min_count": 1, "size": None}
    assert refused not in faults(graded)
    graded["train"] |= {"symmetric": True, "after": {"epochs": 1, "lr": 1e-5}}
    assert {fault.split(":")[0] for fault in faults(graded)} >= {"train.symmetric", "train.after"}


@pytest.mark.parametrize("loss", ["angle", "my.package.loss"])
def test_scored_pairs_take_another_loss(graded: dict[str, Any], loss: str) -> None:
    graded["train"]["loss"]["scored"] = loss
    assert load(graded).train.loss.scored == loss


@pytest.fixture
def shaped(graded: dict[str, Any]) -> dict[str, Any]:
    """Triplets and pairs with a class."""
    pairs = {"shape": "classed", "columns": {"sentence1": 0, "sentence2": 1, "class": 2}}
    graded["corpora"] = {"own": COLUMNS | {"shape": "triplets"}, "stsb-es": graded["corpora"]["stsb-es"] | pairs}
    return graded


def test_options_of_ranking_hold_for_tuples_and_not_for_pairs_with_a_class(shaped: dict[str, Any]) -> None:
    shaped["train"] |= {"known_positives": True, "symmetric": True}
    assert isinstance(load(shaped), Settings)
    shaped["corpora"] = {"stsb-es": shaped["corpora"]["stsb-es"]}
    assert faults(shaped) == [
        f"train.{name}: only for ranked triplets, but the mix has only classed pairs; set it to false"
        for name in ("symmetric", "known_positives")
    ]


def test_the_softmax_loss_reads_whole_vectors(shaped: dict[str, Any]) -> None:
    shaped["train"]["matryoshka"] = [32, 64]
    assert faults(shaped) == ["train.matryoshka: the softmax loss of classed pairs reads whole vectors; set it to []"]
    shaped["train"]["loss"]["classed"] = "my.package.loss"
    assert isinstance(load(shaped), Settings)


def test_with_distillation_weights_are_those_of_scored_pairs(graded: dict[str, Any], root: Path) -> None:
    graded["parallel"] = compose(root / "conf", ["parallel=esxnli"])["parallel"]
    graded["train"] |= {
        "distill": {"teacher": "a/b", "sources": True, "unit": True},
        "after": {"epochs": 1, "lr": 1e-5},
    }
    graded["train"]["weights"] = {"stsb-es": 2.0}
    assert isinstance(load(graded), Settings)
    graded["train"]["weights"]["xnli"] = 2.0
    assert faults(graded) == ["train.weights.xnli: only for ranked triplets, but train.distill ranks none; remove it"]


def test_a_corpus_without_digest_must_say_that_any_bytes_pass(composed: dict[str, Any]) -> None:
    composed["corpora"]["sample"]["files"][0]["sha256"] = []
    assert faults(composed)[0].startswith("corpora.sample.files.0.sha256: empty")


@pytest.mark.parametrize("stage", ["fetch", "train"])
def test_a_fault_at_the_command_line_is_found_within_two_seconds(root: Path, stage: str) -> None:
    # the clock is not asserted: what makes it fast is, that nothing heavy is imported before the settings are checked
    words = ["train.lrr=1", "train.epochs=abc", "evaluate.select_on=nowhere"]
    code = f"""
import runpy, sys
sys.argv = ["pipelines/{stage}.py", *{words!r}]
try:
    runpy.run_path("pipelines/{stage}.py", run_name="__main__")
except SystemExit as end:
    heavy = sorted({{"torch", "transformers", "pytorch_lightning", "sklearn"}} & set(sys.modules))
    sys.exit(f"status {{end.code}} imported {{heavy}}")
"""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    print(f"{stage}: {time.perf_counter() - started:.2f} s")
    assert "status 1 imported []" in done.stderr
    assert "3 faults in the settings" in done.stderr
    assert "did you mean train.lr?" in done.stderr


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("https://example.org/", "does not end in the name of a file"),
        ("https://example.org/a/..", "does not end in the name of a file"),
        ("https://example.org/.hidden", "does not end in the name of a file"),
        ("https://example.org/fetched.json", "does not end in the name of a file"),
        ("https://[example.org/x.tsv", "is not an address"),
    ],
)
def test_an_address_that_names_no_file_is_refused_by_key(composed: dict[str, Any], address: str, fault: str) -> None:
    composed["corpora"]["sample"]["files"][0]["addresses"] = [address]
    [found] = faults(composed)
    assert found.startswith("corpora.sample.files.0.addresses.0: ") and fault in found


def test_two_files_of_one_name_cannot_lie_in_one_folder(composed: dict[str, Any]) -> None:
    files = composed["evaluate"]["benchmarks"]["sts-sample-dev"]["files"]
    files.append({**files[0], "addresses": ["elsewhere/STS.input.everyday.txt"]})
    [found] = faults(composed)
    assert "files.8.addresses.0: a second file named STS.input.everyday.txt" in found


def test_a_mix_in_another_language_needs_what_translates_it(composed: dict[str, Any]) -> None:
    composed["corpora"]["sample"]["language"] = "en"
    [found] = faults(composed)
    assert "corpora.sample.language: 'en', and nothing translates it" in found
    composed["translate"]["model"] = {
        "checkpoint": "some/model",
        "revision": None,
        "codes": {"en": "eng_Latn"},
        "beams": 4,
        "precision": "float32",
        "max_length": 64,
        "batch_tokens": 1024,
        "shard": 10,
    }
    assert faults(composed) == [
        "translate.model.codes: no code for 'es', the language of corpora.sample-jsonl; add it",
        "translate.model.codes: no code for the target, 'es'; add it",
    ]
    composed["translate"]["model"]["codes"]["es"] = "spa_Latn"
    load(composed)


def test_a_batch_that_its_devices_cannot_share_is_a_fault(root: Path) -> None:
    with pytest.raises(SettingsError, match=r"train\.batch_size: 32 is shared by 3 devices; choose a multiple of 3"):
        load(compose(root / "conf", ["machine.devices=3"]))


def test_what_is_no_address_of_ray_and_a_device_that_it_does_not_place_are_faults() -> None:
    usual = ("cpu", 1, 1, 200, 1, False, 1800)
    for address in ("local", "auto", "head:6379", "10.0.0.1:6379", "[::1]:6379"):
        assert Machine(*usual, ray=address).ray == address
    for address in ("ray://head:10001", "head", "local:", ""):
        with pytest.raises(ValidationError, match="String should match pattern"):
            Machine(*usual, ray=address)
    assert list(check_ray(Machine("mps", *usual[1:], ray="local"))) == [
        "machine.ray: Ray places work on CUDA and CPUs alone; set machine.accelerator to another, or this to null"
    ]
    assert not list(check_ray(Machine("mps", *usual[1:]))) and not list(check_ray(Machine(*usual, ray="auto")))


@pytest.mark.parametrize("words", [["train.lrr=1", "--config-name=params"], ["--config-name", "params", "train.lrr=1"]])
def test_overrides_stand_before_or_behind_options(root: Path, words: list[str]) -> None:
    command = [sys.executable, "pipelines/train.py", "--config-path=..", *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 1
    assert "did you mean train.lr?" in done.stderr


def test_parallel_corpora_are_checked_as_such(composed: dict[str, Any], root: Path) -> None:
    declared = compose(root / "conf", ["parallel=esxnli"])["parallel"]["esxnli"]
    composed["corpora"]["other"] = declared
    composed["parallel"] = {"a": {**declared, "source": "es"}, "b": {**declared, "format": "snli_jsonl"}}
    composed["parallel"]["c"] = {**declared, "format": "moses", "language": "ca"}
    composed["parallel"]["d"] = {**declared, "format": "lines", "source": "en"}
    found = "\n".join(faults(composed))
    assert "corpora.other.format: xnli_parallel has no labels to train on" in found
    assert "parallel.a.source: 'es'; set it to the language" in found
    assert "parallel.b.format: snli_jsonl has no translations" in found
    assert "parallel.c.files: moses needs an archive with two members" in found
    assert "parallel.d.files: 1, but lines needs pairs of them" in found
    assert "parallel.c.language: 'ca', but the target is 'es'" in found


def test_a_vocabulary_needs_translated_sentences_and_a_backbone_that_has_one(composed: dict[str, Any]) -> None:
    words = {"min_count": 1.0, "own_pieces": 0.5, "sentences": 10}
    composed["model"]["vocabulary"] = {"words": words, "keep": {"min_count": 1, "size": None}}
    found = "\n".join(faults(composed))
    assert "model.vocabulary.words: learnt from translated sentences, but there are none" in found
    assert "model.vocabulary.words: from scratch, a vocabulary is fitted" in found
    assert "model.vocabulary.keep: from scratch, a vocabulary is fitted" in found
    composed["model"]["vocabulary"]["keep"]["min_count"] = 0
    assert any("keep: min_count 0 and no size keep every entry" in fault for fault in faults(composed))


def test_layers_are_kept_of_a_backbone_that_has_some_each_once_and_rising(composed: dict[str, Any]) -> None:
    for layers in ([1, 0], [1, 1]):
        composed["model"]["layers"] = layers
        found = "\n".join(faults(composed))
        assert "model.layers: from scratch, model.scratch.layers says how many there are" in found
        assert f"model.layers: {layers} is not in ascending order" in found
    for layers in ([], [-1]):
        composed["model"]["layers"] = layers
        assert any("model.layers" in fault for fault in faults(composed))


def test_distillation_needs_translated_sentences_and_ranks_nothing(composed: dict[str, Any]) -> None:
    composed["train"] |= {"distill": {"teacher": "a/b", "sources": True, "unit": True}, "symmetric": True}
    composed["train"] |= {
        "embeddings_only": True,
        "l2_sp": 0.1,
        "ema": 0.9,
        "lora": {"rank": 2, "alpha": 2.0, "dropout": 0.0},
    }
    found = "\n".join(faults(composed))
    assert "train.distill: learnt from translated sentences, but there are none" in found
    assert "train.symmetric: only for ranked triplets" in found
    assert "train.embeddings_only: low-rank adapters train the layers" in found
    assert "train.ema: averages of adapters" in found
    assert "train.l2_sp: adapters leave the weights where they start" in found


def test_monolingual_text_needs_no_translations_and_a_start_that_teaches_is_no_random_one(
    composed: dict[str, Any],
) -> None:
    asked = {"teacher": "a/b", "sources": False, "unit": True, "texts": "monolingual"}
    composed["train"] |= {"distill": asked}
    load(composed)
    composed["train"]["distill"] |= {"teacher": None, "sources": True, "vectors": 0.0}
    found = "\n".join(faults(composed))
    assert "train.distill.teacher: null is the encoder that training starts from, and its weights are random" in found
    assert "train.distill.vectors: 0, and so is similarities" in found
    assert "train.distill.sources: monolingual text has no translations" in found


def test_a_guide_is_for_the_ranking_loss_and_one_encoder_with_the_teacher(composed: dict[str, Any]) -> None:
    composed["train"] |= {"guide": {"encoder": "a/b"}}
    load(composed)
    composed["train"] |= {"similarity_distillation": {"weight": 1.0, "teacher": "c/d"}, "symmetric": True}
    found = "\n".join(faults(composed))
    assert "train.guide.encoder: a/b, but train.similarity_distillation.teacher is c/d" in found
    assert "train.guide.contrast_anchors: train.symmetric ranks the anchors already" in found
    composed["train"] |= {"guide": {}, "similarity_distillation": None, "symmetric": False}
    composed["train"]["loss"] = composed["train"]["loss"] | {"tuples": "a.b"}
    found = "\n".join(faults(composed))
    assert "train.guide.encoder: null is the encoder that training starts from, and its weights are random" in found
    assert "train.guide: only for the ranking loss, but train.loss.tuples is another; set it to null" in found


def test_negatives_are_mined_for_what_is_ranked_and_within_a_range_that_has_them(composed: dict[str, Any]) -> None:
    composed["mine"] |= {"negatives": 5, "range_min": 3, "range_max": 7, "min_score": 0.5, "max_score": 0.5}
    named = ["mine.negatives", "mine.range_min", "mine.range_max", "mine.max_score", "mine.min_score"]
    assert [fault.split(":")[0] for fault in faults(composed)] == named  # nothing is mined
    composed["mine"] |= {"encoder": "a/b"}
    found = "\n".join(faults(composed))
    assert "mine.range_max: 7 less range_min, 3, leaves fewer than negatives, 5; raise it" in found
    assert "mine.min_score: 0.5, not below max_score, 0.5; lower it" in found
    composed["mine"] |= {"range_max": 8, "min_score": None}
    load(composed)
    composed["train"]["distill"] = {"teacher": "a/b", "sources": False, "unit": True, "texts": "monolingual"}
    assert faults(composed)[-1].startswith("mine.encoder: negatives are for what is ranked, and train.distill ranks no")


def test_similarities_are_kept_beside_ranking_alone_and_not_those_of_random_weights(composed: dict[str, Any]) -> None:
    composed["train"] |= {"similarity_distillation": {"weight": 1.0, "teacher": "a/b"}}
    load(composed)
    composed["train"]["similarity_distillation"] = {"weight": 1.0}
    composed["train"]["distill"] = {"teacher": "a/b", "sources": False, "unit": True, "texts": "monolingual"}
    found = "\n".join(faults(composed))
    assert "train.similarity_distillation.teacher: null is the encoder that training starts from" in found
    assert "train.similarity_distillation: only for ranked triplets, but train.distill ranks none" in found
