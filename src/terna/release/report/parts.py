"""The section that takes each benchmark apart."""

from collections.abc import Iterator, Sequence

from terna.evaluation.diagnosis.record import Band, Diagnosis, Part
from terna.evaluation.table import interval
from terna.markdown import figure
from terna.release.report import plots
from terna.release.report.blocks import Block, Heading, Plots, Section, Table, Text
from terna.release.report.contents import Contents

LEGEND = (
    "The model beside the characters' TF-IDF, Pearson / Spearman, on parts of each benchmark. Parts of fewer than ten "
    "pairs have no figure, and the intervals are not corrected for how many parts there are. Within a narrow band of "
    "gold every correlation is low: compare it with the baseline's."
)
SPACE = (
    "Anisotropy is the mean cosine of two distinct sentences: near 1 all vectors point one way. Alignment is the mean "
    "squared distance of pairs in the upper fifth of the gold scale, uniformity the logarithm of the mean Gaussian "
    "potential of distinct sentences (Wang & Isola, 2020); of both, less is better."
)


def section(contents: Contents) -> Section:
    """Each benchmark of scored pairs by file, length, overlap and gold, and its vectors."""
    names = contents.with_gold
    blocks: list[Block] = [Text(text) for text in (LEGEND if names else "", contents.without_gold) if text]
    for number, name in enumerate(names):
        blocks += [Heading(name), *_benchmark(number, name, contents.diagnosis[name])]
    return Section("diagnosis", "Diagnosis", blocks)


def _benchmark(number: int, name: str, found: Diagnosis) -> Iterator[Block]:
    yield Text(_apart(found))
    drawn = [plots.overlap(f"overlap-{number}", name, found.kind, found.by_overlap)]
    yield Plots([*drawn, plots.bands(f"bands-{number}", name, found.by_gold)])
    kinds = {"file": found.by_file, "length": found.by_length, "words in common": found.by_overlap}
    for by, parts in kinds.items():
        yield _parts(f"{name} by {by}", by, found.kind, parts)
    yield _bands(f"{name} by gold", found.by_gold)
    yield Heading(f"{name}: how the vectors lie", 4)
    yield Text(SPACE)
    yield _space(name, found)


def _apart(found: Diagnosis) -> str:
    """Whether the model beats the baseline where words do not overlap."""
    first = found.by_overlap[0]
    low, high = first.ci95
    if first.difference is None or low is None or high is None:
        return f"Where few words are shared ({first.name}) there are too few pairs to distinguish model and baseline."
    told = "beats" if low > 0 else "falls behind" if high < 0 else "is not distinguishable from"
    return (
        f"Where few words are shared ({first.name}, {first.n} pairs) the model **{told}** the baseline: the "
        f"difference of {found.kind.title()} is {figure(first.difference, 3)}, 95 % interval {interval(first.ci95)}."
    )


def _parts(caption: str, by: str, kind: str, parts: Sequence[Part]) -> Table:
    header = [by, "pairs", "this model", "TF-IDF, characters", f"difference, {kind.title()}", "95 % interval"]
    rows = [[part.name, str(part.n), *_pairs(part), figure(part.difference, 3), interval(part.ci95)] for part in parts]
    return Table(caption, header, rows, "tnnnnn")


def _bands(caption: str, bands: Sequence[Band]) -> Table:
    header = ["gold", "pairs", "mean gold", "mean prediction", "mean rank, people", "mean rank, model"]
    header += ["this model", "TF-IDF, characters"]
    rows = [[band.name, str(band.n), *_means(band), *_pairs(band)] for band in bands]
    return Table(caption, header, rows, "tnnnnnnn")


def _means(band: Band) -> list[str]:
    return [figure(value, 3) for value in (band.gold, band.predicted, band.gold_rank, band.predicted_rank)]


def _pairs(part: Part) -> list[str]:
    ours, baseline = (part.pearson, part.spearman), (part.baseline_pearson, part.baseline_spearman)
    return [" / ".join(figure(value, 3) for value in both) for both in (ours, baseline)]


def _space(name: str, found: Diagnosis) -> Table:
    header = ["vectors of", "sentences", "anisotropy", "close pairs", "alignment", "uniformity"]
    rows = [
        [system, str(one.sentences), figure(one.anisotropy, 3), str(one.close)]
        + [figure(value, 3) for value in (one.alignment, one.uniformity)]
        for system, one in found.space.items()
    ]
    return Table(f"{name}: the vectors of its sentences", header, rows, "tnnnnn")
