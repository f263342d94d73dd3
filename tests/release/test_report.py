"""The page says what was measured, holds no one else's markup, needs nothing but itself and is the same twice."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from card_inputs import ACCOUNT, FIGURES, IMPROVEMENT, LINEAGE, PUBLISHED, comparison, settings_of
from markdown_inputs import Shown, controls
from report_inputs import HOSTILE, LONG, ROOT, Page, contents_of, diagnosis

from terna.errors import DataError, TernaError
from terna.evaluation.table import BASELINES, WEIGHTED
from terna.markdown import code
from terna.records import TRIPLETS, write_table
from terna.release.report import CURVES, Contents, read_curve, read_predictions, read_triplets, render
from terna.release.report.blocks import inline
from terna.settings import Reported

TEST, DEV = "sts2015-es", "sts2014-es"


@pytest.fixture(scope="module")
def contents() -> Contents:
    return contents_of()


@pytest.fixture(scope="module")
def text(contents: Contents) -> str:
    return render(contents)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def bounds(pair: Any) -> str:
    return f"{pair[0]:.3f} to {pair[1]:.3f}"


def both(found: dict[str, Any], name: str) -> str:
    return f"{found[f'{name}_pearson']:.3f} / {found[f'{name}_spearman']:.3f}"


@pytest.mark.parametrize("name", [DEV, TEST])
def test_every_system_stands_with_its_figures_and_interval(page: Page, contents: Contents, name: str) -> None:
    rows = {row["system"]: row for row in page.rows(f"Systems on {name}: Pearson / Spearman")}
    scores, interval = contents.scores, "95 % interval of cosine_pearson"
    for key, title in BASELINES.items():
        assert rows[title]["cosine"] == both(scores["floors"][name], key)
        assert rows[title]["dot"] == ""
    for measure in ("cosine", "euclidean", "manhattan", "dot"):
        assert rows["this model"][measure] == both(scores[name], measure)
    assert rows["this model"][interval] == bounds(scores[name]["ci95"]["cosine_pearson"])
    if name == TEST:
        assert rows["BERTIN STS"]["source"].startswith("reported, the published card; chosen on")
        assert rows["BETO STS (baseline)"][interval] == "–"
        came = scores["untouched"][name]
        assert rows["the backbone, untouched"]["cosine"] == both(came, "cosine")
        assert rows["the backbone, untouched"][interval] == bounds(came["ci95"]["cosine_pearson"])


def test_the_score_that_semeval_ranks_by_stands_where_others_report_it(page: Page, contents: Contents) -> None:
    rows = {row["system"]: row for row in page.rows(f"Systems on {TEST} by the score that SemEval ranks by")}
    assert rows["this model"][WEIGHTED] == f"{contents.scores[TEST]['weighted_mean']['cosine_pearson']:.3f}"
    for one in contents.settings.evaluate.reported:
        if one.benchmark == TEST and one.weighted_mean is not None:
            assert rows[one.system][WEIGHTED] == f"{one.weighted_mean:.3f}"
    assert f"Systems on {DEV} by the score" not in page.text


def test_baselines_have_their_intervals_where_they_were_measured(contents: Contents) -> None:
    baselines = contents.scores["floors"]
    baselines = {**baselines, TEST: baselines[TEST] | {"ci95": {"jaccard_pearson": [0.123, 0.456]}}}
    page = Page(render(replace(contents, scores={**contents.scores, "floors": baselines})))
    row = page.rows(f"Systems on {TEST}: Pearson / Spearman")[0]
    assert row["95 % interval of cosine_pearson"] == "0.123 to 0.456"


def test_published_figures_stand_beside_ours_with_the_relative_improvement(contents: Contents) -> None:
    ours = contents.scores[TEST] | {name: figure for name, (_, figure, _) in PUBLISHED.items()}
    page = Page(render(replace(contents, scores={**contents.scores, TEST: ours})))
    rows = page.rows(f"The eight figures on {TEST}")
    assert [row[""] for row in rows] == list(FIGURES)
    for row in rows:
        reported, figure, improvement = PUBLISHED[row[""]]
        assert row["BETO STS (baseline) (reported)"] == f"{reported:.6f}"
        assert row["this model (measured)"] == row["BERTIN STS (reported)"] == f"{figure:.6f}"
        assert row["95 % interval"] == bounds(ours["ci95"][row[""]])
        assert row[IMPROVEMENT] == improvement


def test_the_page_opens_with_the_verdict_of_the_test_benchmark_in_words(contents: Contents) -> None:
    came = {"system": "the backbone, untouched", "difference": -0.2, "ci95": [-0.3, 0.1]}
    rows = [*contents.scores["comparisons"][TEST], comparison(0.7, "the backbone, untouched") | came]
    scores = {**contents.scores, "comparisons": {**contents.scores["comparisons"], TEST: rows}}
    head = " ".join(Page(render(replace(contents, scores=scores)).split("<nav")[0] + "</body></html>").text.split())
    best = contents.scores["comparisons"][TEST][-1]
    assert f"Better than the best lexical baseline, TF-IDF over characters, by {best['difference']:.3f} (" in head
    assert "Not distinguishable from the backbone before training (difference -0.200, -0.300 to 0.100)." in head
    assert f"{contents.scores[TEST]['cosine_pearson']:.3f} cosine_pearson, 95 % interval " in head
    assert f"{TEST} test, 751 pairs" in head
    assert f"{DEV} chosen on" not in head
    assert f"On {DEV}, which selected the checkpoint and so favours it, this model is better than the weights" in head
    assert f"for one run with seed {contents.settings.seed};" in head


def test_comparisons_stand_with_holms_correction(page: Page, contents: Contents) -> None:
    for name in (DEV, TEST):
        rows = page.rows(f"{name}: this model's cosine_pearson less that of others")
        assert [list(row.values()) for row in rows] == [
            [
                one["system"],
                f"{one['difference']:.3f}",
                bounds(one["ci95"]),
                *(f"{one[key]:.3f}" for key in ("p", "p_holm", "p_williams")),
            ]
            for one in contents.scores["comparisons"][name]
        ]


@pytest.mark.parametrize("name", [DEV, TEST])
def test_every_figure_of_the_diagnosis_is_on_the_page(page: Page, contents: Contents, name: str) -> None:
    found = contents.diagnosis[name]
    kinds = {"file": found.by_file, "length": found.by_length, "words in common": found.by_overlap}
    for by, parts in kinds.items():
        assert [list(row.values()) for row in page.rows(f"{name} by {by}")] == [
            [
                part.name,
                str(part.n),
                f"{part.pearson:.3f} / {part.spearman:.3f}",
                f"{part.floor_pearson:.3f} / {part.floor_spearman:.3f}",
                f"{part.difference:.3f}",
                bounds(part.ci95),
            ]
            for part in parts
        ]
    for row, band in zip(page.rows(f"{name} by gold"), found.by_gold, strict=True):
        means = (band.gold, band.predicted, band.gold_rank, band.predicted_rank)
        assert list(row.values())[2:6] == [f"{value:.3f}" for value in means]
    for row, pair in zip(page.rows(f"{name}: largest differences of rank"), found.worst, strict=True):
        ranks = (pair.predicted, pair.gold_rank, pair.predicted_rank)
        assert list(row.values()) == [
            f"first:{pair.line}",
            pair.sentence1,
            pair.sentence2,
            f"{pair.gold:g}",
            *(f"{value:.3f}" for value in ranks),
        ]
    for row, (system, space) in zip(
        page.rows(f"{name}: the vectors of its sentences"), found.space.items(), strict=True
    ):
        figures = f"{space.anisotropy:.3f}", "77", f"{space.alignment:.3f}", f"{space.uniformity:.3f}"
        assert list(row.values()) == [system, "900", *figures]


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [(0.1, 0.2, "beats"), (-0.2, -0.1, "falls behind"), (-0.1, 0.1, "is not distinguishable from")],
)
def test_it_says_whether_the_model_beats_the_baseline_where_words_do_not_overlap(
    contents: Contents, low: float, high: float, told: str
) -> None:
    one = contents.diagnosis[TEST]
    parts = [replace(one.by_overlap[0], ci95=(low, high)), *one.by_overlap[1:]]
    text = render(replace(contents, diagnosis={**contents.diagnosis, TEST: replace(one, by_overlap=parts)}))
    assert f"the model <strong>{told}</strong> the baseline" in text


def test_examples_stand_after_the_results_the_test_benchmark_first(page: Page, contents: Contents) -> None:
    titles = [title for _, title in page.headings]
    assert titles.index("Examples") == titles.index("Published figures beside ours") - 6
    assert DEV not in page.text.split(f"{TEST}: nearest sentences")[1].split("Training triplets")[0]
    for near in contents.diagnosis[TEST].neighbours[0].model + contents.diagnosis[TEST].neighbours[0].floor:
        assert f"{near.sentence} {near.similarity:.3f}" in page.text
    assert "no sentence shares an n-gram" in page.text
    [row] = page.rows("Triplets")
    assert list(row.values()) == ["nli_es", "Voy.", "Me muevo.", "¿Vienes?"]


def test_every_scatter_of_a_benchmark_has_the_same_axes_its_r_and_a_trend(contents: Contents, text: str) -> None:
    table = contents.predictions[TEST]
    drawn = re.findall(r"<svg[^>]*pairs-0-.*?</svg>", text, re.DOTALL)
    assert len(drawn) == 2
    ticks = [
        re.findall(r'id="pairs-0-\d-(?:x|y)tick_\d+".*?<text[^>]*>([^<]+)</text>', one, re.DOTALL) for one in drawn
    ]
    assert ticks[0] == ticks[1]
    assert len(ticks[0]) > 6
    for file, one in zip(("first", "second"), drawn, strict=True):
        rows = [row for row in table.to_pylist() if row["file"] == file]
        r = np.corrcoef([row["gold"] for row in rows], [row["cosine"] for row in rows])[0, 1]
        assert f">r = {r:.3f}, n = 50<" in one
        assert "stroke: var(--two)" in one


def test_constant_predictions_have_no_r_and_no_trend(contents: Contents) -> None:
    table = contents.predictions[TEST]
    flat = table.set_column(table.schema.get_field_index("cosine"), "cosine", pa.array([0.5] * len(table)))
    text = render(replace(contents, predictions={DEV: flat, TEST: flat}))
    assert text.count("r = –, n = 50") == 4


def test_accounts_contamination_settings_and_lineage_are_there(page: Page, contents: Contents) -> None:
    [corpus] = page.rows("Corpora")
    account = {key: str(value) for key, value in ACCOUNT.items() if isinstance(value, int)}
    assert sorted(account.values()) == sorted(list(corpus.values())[1:-1])
    shared = page.rows("Sentences shared with a benchmark")
    assert [list(row.values()) for row in shared] == [[DEV, "41", "51"], [TEST, "42", "52"]]
    files = {row["file"]: row["sha256"] for row in page.rows("Files by stage")}
    assert files == {path: digest for link in LINEAGE.chain for path, digest in link.wrote.items()}
    text = render(replace(contents, lineage=replace(LINEAGE, settings={"seed": 7, "train": {"lr": 2e-5}})))
    printed = re.search(r"All settings</summary>\s*<pre[^>]*>(.*?)</pre>", text, re.DOTALL)
    assert printed
    assert yaml.safe_load(printed[1]) == {"seed": 7, "train": {"lr": 2e-5}}
    assert "1a1a1a" in text
    assert "src/terna/training/losses/ranking.py" in text


def test_the_head_of_the_page_says_that_the_start_s_own_weights_ship(contents: Contents, text: str) -> None:
    said = "<strong>The start&#39;s own weights ship</strong>, because no step of training scored better"
    assert said not in text
    head = render(replace(contents, training={**contents.training, "selected_step": 0})).split("<nav")[0]
    assert said in head


def test_what_differs_from_run_to_run_stays_out(page: Page) -> None:
    recorded = {row["what"] for row in page.rows("The fit")}
    assert "selected_step" in recorded
    assert not recorded & {"seconds", "triplets_per_second", "peak_memory_mb"}


def test_every_plot_says_in_words_what_it_shows(page: Page, contents: Contents) -> None:
    drawn = " | ".join(page.labels)
    files = 2 * 2
    assert len(page.labels) == 2 * 2 + 3 + files + 2 * 2
    for name in (DEV, TEST):
        assert f"this model: {contents.scores[name]['cosine_pearson']:.3f}" in drawn
        for row in contents.scores["comparisons"][name]:
            assert f"by {row['difference']:.3f} ({bounds(row['ci95'])})" in drawn
        for part in contents.diagnosis[name].by_overlap:
            assert f"{part.name}: model {part.pearson:.3f}, baseline {part.floor_pearson:.3f}" in drawn
    assert "loss: 4 at step 0" in drawn
    assert "50 pairs of second" in drawn
    assert "Pearson: 0.2 at step 0, 0.5 at step 18" in drawn
    assert "Without gold scores" not in page.text


def test_the_page_needs_nothing_but_itself(text: str, page: Page) -> None:
    assert "script" not in page.tags
    assert not page.tags & {"img", "iframe", "object", "embed", "base", "form"}
    assert {address[:1] for address in page.addresses} == {"#", "d"}
    assert [address for address in page.addresses if not address.startswith("#")] == ["data:,"]
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    assert "@import" not in text
    targets = [address[1:] for address in page.addresses if address.startswith("#")]
    assert set(targets) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert not page.open


def test_plots_take_their_colours_from_the_page(text: str) -> None:
    for drawn in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        assert not re.findall(r"(?:fill|stroke): #", drawn)
        assert "DejaVu" not in drawn
        assert "<style" not in drawn


def test_headings_go_down_one_level_at_a_time(page: Page) -> None:
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_hostile_text_is_shown_as_it_is_wherever_it_stands() -> None:
    contents = contents_of(sentence=HOSTILE)
    settings, evaluate = contents.settings, contents.settings.evaluate
    cited = {name: replace(corpus, citation=HOSTILE) for name, corpus in settings.corpora.items()}
    translated_by = dict.fromkeys(("checkpoint", "commit", "sha256"), HOSTILE)
    reported = Reported(system=HOSTILE, benchmark=TEST, source=HOSTILE, figures={"cosine_pearson": 0.5})
    files = contents.predictions[TEST].set_column(0, "file", [[HOSTILE] * 100])
    contents = replace(
        contents,
        settings=replace(settings, corpora=cited, evaluate=replace(evaluate, reported=[reported])),
        predictions={DEV: files, TEST: files},
        lineage=replace(LINEAGE, settings={"name": HOSTILE}, modified=[HOSTILE]),
        stats={**contents.stats, "sha256_out": {HOSTILE: HOSTILE}, "translated_by": translated_by},
    )
    page = Page(render(contents))
    assert "script" not in page.tags
    assert page.rows(f"{TEST}: largest differences of rank")[0]["first sentence"] == HOSTILE
    systems = page.rows(f"Systems on {TEST}: Pearson / Spearman")
    assert HOSTILE in [row["system"] for row in systems]
    assert any(HOSTILE in told for told in page.labels)
    assert page.rows("Triplets")[0]["negative"] == HOSTILE
    assert page.text.count(f"{HOSTILE} 5") == 2
    assert f"Source of the reported figures: {HOSTILE}: {HOSTILE}." in page.text
    assert f"nli_es: {HOSTILE}" in page.text
    assert f"translated by {HOSTILE} (commit {HOSTILE}, weights' sha256 {HOSTILE})" in page.text
    assert page.rows("Files of the data")[-1] == {"corpus": "out", "file": HOSTILE, "sha256": HOSTILE}


@pytest.mark.parametrize("name", ["./a**b**c", "&#60;b&#62;", "<b>", "&lt;", "**"])
def test_a_name_in_code_is_shown_as_it_is(name: str) -> None:
    found = Shown(str(inline(f"**on {code(name)}**, by {code(name)}")))
    assert found.tags == ["strong", "code", "/code", "/strong", "code", "/code"]
    assert "".join(found.text) == f"on {name}, by {name}"


def test_no_text_brings_in_a_character_that_reorders_what_is_shown() -> None:
    contents, reordered = contents_of(sentence="\u202eolleh"), "MIT\u202eTIM"
    cited = {name: replace(corpus, citation=reordered) for name, corpus in contents.settings.corpora.items()}
    page = render(replace(contents, settings=replace(contents.settings, corpora=cited)))
    assert not controls(page)
    assert r"MIT\u202eTIM" in Page(page).text and r"\u202eolleh" in Page(page).text


def test_long_words_are_kept_whole() -> None:
    page = Page(render(contents_of(sentence=LONG)))
    assert page.rows(f"{TEST}: largest differences of rank")[0]["first sentence"] == LONG


@pytest.mark.slow
def test_the_same_contents_give_the_same_bytes_here_and_in_another_process(contents: Contents) -> None:
    assert render(contents) == render(contents_of())
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}
    command = [sys.executable, "-X", "utf8", str(ROOT / "tests" / "helpers" / "report_inputs.py")]
    other = subprocess.run(command, capture_output=True, check=True, env=environment, cwd="/")
    assert other.stdout.decode() == render(contents_of(sentence=HOSTILE))


def test_benchmarks_without_gold_scores_are_named_beside_those_that_have_some(contents: Contents) -> None:
    labelled = settings_of(ROOT, "evaluate=own_binary", "evaluate.benchmarks.own.files=[my/labels.csv]").evaluate
    both = {**labelled.benchmarks, **contents.settings.evaluate.benchmarks}
    settings = replace(contents.settings, evaluate=replace(labelled, benchmarks=both))
    mixed = replace(contents, settings=settings)
    assert mixed.with_gold == [TEST, DEV]
    assert mixed.without_gold == (
        "Without gold scores, so neither plotted against gold nor diagnosed: `own-dev`, `own`. Drawn instead: the "
        "figure of each system with its interval (Results) and, of `own-dev`, the development score (Learning curves)."
    )
    alone = replace(contents, settings=replace(contents.settings, evaluate=labelled))
    assert alone.without_gold == contents.without_gold == ""


def test_undefined_figures_are_dashes_and_plots_do_without_them(contents: Contents) -> None:
    one = contents.diagnosis[TEST]
    gone: dict[str, Any] = dict.fromkeys(("pearson", "spearman", "floor_pearson", "floor_spearman", "difference"))
    empty = dict.fromkeys(("gold", "predicted", "gold_rank", "predicted_rank"))
    bare = replace(
        one,
        by_overlap=[replace(part, n=0, **gone, ci95=(None, None)) for part in one.by_overlap],
        by_gold=[replace(band, n=0, **gone, **empty, ci95=(None, None)) for band in one.by_gold],
    )
    nothing = dict.fromkeys(FIGURES)
    ours = contents.scores[TEST] | nothing | {"ci95": {name: [None, None] for name in FIGURES}}
    scores = {**contents.scores, TEST: ours}
    page = Page(render(replace(contents, scores=scores, diagnosis={**contents.diagnosis, TEST: bare})))
    assert list(page.rows(f"{TEST} by words in common")[0].values())[1:] == ["0", "– / –", "– / –", "–", "–"]
    assert page.rows(f"The eight figures on {TEST}")[0]["this model (measured)"] == "–"
    assert "there are too few pairs to distinguish model and baseline" in render(
        replace(contents, diagnosis={**contents.diagnosis, TEST: bare})
    )


def test_what_has_nothing_to_say_is_left_out() -> None:
    page = Page(render(contents_of("seed=3")))
    assert "Published figures beside ours" not in page.text
    assert "none declared" not in page.text.lower()
    assert "Hollow" not in page.text
    assert {f"The eight figures on {name}" for name in ("sts-sample-dev", "sts-sample-test")} <= set(page.tables)
    untaught = {key: value for key, value in contents_of().training.items() if key != "triplets"}
    for lacking in (contents_of(training=untaught), contents_of(triplets=TRIPLETS.empty_table())):
        assert "Training triplets" not in Page(render(lacking)).text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scores": {"floors": {}}}, r"metrics/sts\.json: nothing on sts2014-es; run the evaluate stage"),
        ({"diagnosis": {}}, r"metrics/diagnosis\.json: nothing on sts2014-es; run the evaluate stage"),
        ({"training": {"steps": 3}}, r"metrics/train\.json: no 'selected_step'; run the stage"),
        (
            {"stats": {**contents_of().stats, "total": {"pairs": 1}}},
            r"data/triplets/stats\.json: .*'sentences'; run the stage",
        ),
    ],
)
def test_contents_that_lack_something_are_refused_with_file_and_remedy(
    contents: Contents, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(TernaError, match=message):
        render(replace(contents, **changed))


def test_figures_without_comparisons_are_refused(contents: Contents) -> None:
    scores = {name: value for name, value in contents.scores.items() if name != "comparisons"}
    with pytest.raises(DataError, match=r"metrics/sts\.json: comparisons\.sts2015-es: nothing on TF-IDF"):
        render(replace(contents, scores=scores))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not there; run the stage that writes it"),
        ("", "no rows of step, loss; run the train stage again"),
        ("step,loss\n", "no rows of step, loss"),
        ("step,other\n1,2\n", "no rows of step, loss"),
        ("step,loss\n1,2\n3,much\n", "line 3: a number expected, found 'much'; run the train stage"),
        (b"step,loss\n1,\xff\n", "not CSV"),
        ("step,loss\n1,2,3\n", "line 2"),
    ],
)
def test_an_odd_curve_is_refused_with_file_and_remedy(tmp_path: Path, text: Any, message: str) -> None:
    path = tmp_path / "loss.csv"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=message) as caught:
        read_curve(path, CURVES["loss"])
    assert "loss.csv" in str(caught.value)


def test_an_undefined_point_of_a_curve_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "development.csv"
    path.write_text("step,cosine_pearson\n0,\n18,0.5\n")
    steps, values = read_curve(path, CURVES["development"]).values()
    assert list(steps) == [0, 18]
    assert values[0] != values[0]


def test_predictions_that_are_missing_or_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not there"):
        read_predictions(tmp_path / "x.parquet", "cosine")
    (tmp_path / "x.parquet").write_text("other")
    with pytest.raises(DataError, match="not a table of file, gold, cosine"):
        read_predictions(tmp_path / "x.parquet", "cosine")


def test_a_few_triplets_are_drawn_with_the_seed(tmp_path: Path) -> None:
    texts = [f"frase {number}" for number in range(40)]
    table = pa.table([texts, texts[::-1], texts, ["a"] * 40], schema=TRIPLETS)
    write_table(table, tmp_path / "train.parquet", TRIPLETS)
    found = [read_triplets(tmp_path / "train.parquet", seed).to_pylist() for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    assert [len(each) for each in found] == [5] * 3
    places = [texts.index(row["anchor"]) for row in found[0]]
    assert places == sorted(set(places))
    assert [row for row in table.to_pylist() if row in found[0]] == found[0]
    write_table(table.slice(0, 2), tmp_path / "train.parquet", TRIPLETS)
    assert len(read_triplets(tmp_path / "train.parquet", 1)) == 2


def test_a_made_up_diagnosis_holds_no_figure_twice() -> None:
    found = diagnosis(count())
    figures = [value for part in found.by_file for value in (part.pearson, part.spearman, part.floor_pearson)]
    assert len(set(figures)) == len(figures)
