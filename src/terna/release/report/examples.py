"""The section of examples: nearest sentences, the pairs ranked worst, triplets that were trained on."""

from collections.abc import Iterator, Sequence

from terna.evaluation.diagnosis.record import Diagnosis, Neighbour, Pair
from terna.evaluation.table import BASELINES, OURS
from terna.evaluation.verdict import verdicts
from terna.markdown import figure
from terna.records import TEXTS
from terna.release.report.blocks import Block, Fold, Heading, Ranking, Rankings, Section, Table, Text
from terna.release.report.contents import Contents

NEAREST = (
    "Sentences drawn at random with the run's seed, and the nearest other sentences of the benchmark: by this model, "
    "with the {measure} similarity, and by the TF-IDF of their characters."
)
WORST = (
    "People and the model differ most on these pairs. Ranks go from 0, the least similar pair of the benchmark, to 1, "
    "the most similar."
)
DRAWN = (
    "drawn at random with the run's seed. In training, the anchor must be nearer to the positive than to the negative."
)
CHARACTERS = BASELINES["tfidf_chars"]


def section(contents: Contents) -> Section:
    """Of the benchmarks that count, of the triplets, and folded of the other benchmarks."""
    counted = {one.benchmark for one in verdicts(contents.settings.evaluate, contents.scores)}
    blocks: list[Block] = []
    folds: list[Block] = []
    for name in contents.with_gold:
        found = list(_benchmark(name, contents))
        if name in counted:
            blocks += found
        else:
            folds.append(Fold(f"Examples from {name}, {contents.settings.evaluate.use_of(name)}", found))
    return Section("examples", "Examples", [*blocks, *_triplets(contents), *folds])


def _benchmark(name: str, contents: Contents) -> Iterator[Block]:
    found, language = contents.diagnosis[name], contents.settings.translate.target
    if found.neighbours:
        yield Heading(f"{name}: nearest sentences")
        yield Text(NEAREST.format(measure=found.measure))
        yield _neighbours(found, language)
    yield Heading(f"{name}: the pairs ranked worst")
    yield Text(WORST)
    yield _worst(f"{name}: largest differences of rank", found.worst, language)


def _neighbours(found: Diagnosis, language: str) -> Rankings:
    return Rankings(
        [
            Ranking(one.sentence, {OURS: _ranked(one.model), CHARACTERS: _ranked(one.baseline)})
            for one in found.neighbours
        ],
        language,
    )


def _ranked(near: Sequence[Neighbour]) -> list[tuple[str, str]]:
    return [(one.sentence, figure(one.similarity, 3)) for one in near]


def _worst(caption: str, pairs: Sequence[Pair], language: str) -> Table:
    header = ["pair", "first sentence", "second sentence", "gold", "prediction", "rank, people", "rank, model"]
    rows = [
        [f"{pair.file}:{pair.line}", pair.sentence1, pair.sentence2, f"{pair.gold:g}", *_places(pair)] for pair in pairs
    ]
    return Table(caption, header, rows, "twwnnnn", language=language)


def _places(pair: Pair) -> list[str]:
    return [figure(value, 3) for value in (pair.predicted, pair.gold_rank, pair.predicted_rank)]


def _triplets(contents: Contents) -> Iterator[Block]:
    """Nothing where no triplet was trained on."""
    if "triplets" not in contents.training or not contents.triplets.num_rows:
        return
    rows = [[row["corpus"], *(row[name] for name in TEXTS)] for row in contents.triplets.to_pylist()]
    yield Heading("Training triplets")
    yield Text(f"{len(rows)} of {contents.training['triplets']} triplets, {DRAWN}")
    yield Table("Triplets", ["corpus", *TEXTS], rows, "twww", language=contents.settings.translate.target)
