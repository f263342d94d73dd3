"""What the encoder learned from: corpora, what was left out of them and why, triplets, digests."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from terna.markdown import Rows, table
from terna.release.card import licence
from terna.settings import Settings

COLUMNS = {
    "read": "rows read",
    "other_language": "passed over: another language",
    "no_label": "dropped: no label",
    "empty_sentence": "dropped: empty sentence",
    "translation_dropped": "dropped: translation",
    "kept": "kept",
    "distinct_sentences": "distinct sentences",
    "overlap_dropped": "dropped: shared with a benchmark",
    "triplets": "triplets",
}
RULE = (
    "Every labelled pair counts in both directions. A sentence that then has an entailment and a contradiction gives "
    "two triplets: itself with one of each, and the same with sentence and entailment swapped."
)


def section(settings: Settings, stats: Mapping[str, Any]) -> str:
    """The part on data; `stats` is the content of data/triplets/stats.json."""
    terms = licence.explanation(settings.corpora | settings.parallel)
    if settings.model.scratch is None:
        terms = f"{terms} The backbone's own licence holds as well."
    return "\n\n".join(
        [
            "**Dataset**",
            RULE,
            table(*corpora(settings, stats["corpora"])),
            "\n".join(_sources(settings, stats["corpora"])),
            terms,
            totals(stats["total"]),
            "\n".join(_digests(stats["sha256_out"])),
            *translation(stats),
            *parallel(settings),
            overlap(stats["contamination"]),
            table(*contaminated(stats["contamination"])),
        ]
    )


def corpora(settings: Settings, accounts: Mapping[str, Any]) -> Rows:
    """What was read of each corpus, left out of it and kept."""
    rows = [
        [name, *(str(accounts[name][key]) for key in COLUMNS), corpus.licence]
        for name, corpus in settings.corpora.items()
    ]
    return ["corpus", *COLUMNS.values(), "licence"], rows


def _sources(settings: Settings, accounts: Mapping[str, Any]) -> Iterator[str]:
    for name, corpus in settings.corpora.items():
        yield f"- `{name}`: {corpus.citation}"
        for line in _digests(accounts[name]["sha256_in"]):
            yield f"  {line}"


def _digests(digests: Mapping[str, str]) -> Iterator[str]:
    for file, digest in digests.items():
        yield f"- `{file}`, sha256 `{digest}`"


def translation(stats: Mapping[str, Any]) -> Iterator[str]:
    """What translated, and what was lost by it; nothing where nothing was translated."""
    made = stats["translated_by"]
    if made:
        counts = Counter[str]()
        for account in stats["corpora"].values():
            counts.update(account.get("translation", {}))
        lost = ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items())) or "none"
        yield (
            f"What was not in Spanish was translated by `{made['checkpoint']}` (commit `{made['commit']}`, weights' "
            f"sha256 `{made['sha256']}`). Pairs dropped for what came out: {lost}."
        )


def parallel(settings: Settings) -> Iterator[str]:
    """What translated sentences were learned from; nothing where there were none."""
    if settings.parallel:
        named = "; ".join(
            f"`{name}` ({one.source} and {one.language}, licence {one.licence}; {one.citation.rstrip('.')})"
            for name, one in settings.parallel.items()
        )
        yield f"Translated sentences: {named}. What a benchmark shares of them was treated as for the pairs."


def overlap(found: Mapping[str, Any]) -> str:
    """What counts as shared with a benchmark, and what became of it."""
    dropped = {"none": "They are trained on.", "exact": "Pairs with an equal one were left out."}
    which = dropped.get(found["dropped"], "Pairs with any of them were left out.")
    return (
        "Distinct sentences of the pairs that equal one of a benchmark's (letters and digits alone count), or nearly "
        f"do (they share {found['limit']:.0%} or more of their character 5-grams). {which}"
    )


def contaminated(found: Mapping[str, Any]) -> Rows:
    """How many sentences are shared with each benchmark."""
    rows = [[name, str(counts["exact"]), str(counts["near"])] for name, counts in found["sentences"].items()]
    return ["benchmark", "equal", "nearly equal"], rows


def totals(total: Mapping[str, int]) -> str:
    """From pairs to triplets, over all corpora."""
    return (
        f"Together: {total['pairs']} pairs of {total['sentences']} distinct sentences, which make "
        f"{total['triplets_before_split']} triplets. With {total['pairs_held_out']} pairs held out by premise "
        f"({total['pairs_held_out_dropped_as_shared']} of them in neither part, for a sentence that both would have), "
        f"{total['triplets_train']} triplets are left for training and {total['triplets_dev']} for development."
    )
