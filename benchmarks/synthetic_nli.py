"""Synthetic SNLI and MultiNLI archives: made-up sentences in the originals' layout, sizes and duplication.

The same arguments give the same bytes on one build of zlib.
"""

import argparse
import json
import zipfile
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

LABELS = ("entailment", "neutral", "contradiction")
GENRES = ("fiction", "government", "slate", "telephone", "travel")
VOCABULARY = 30_000
# the most frequent words come from these lists, the others from the syllables below
COMMON = {
    "es": "de la el un en que una y los del las se con por su para al lo no como más hombre mujer está hay sobre a "
    "niño perro dos persona calle grupo agua camisa hombres gente niña mientras sentado blanco junto azul jugando",
    "en": "a the in is man of and on woman are with to people two at wearing an his girl boy shirt playing dog there "
    "while person standing young sitting for it by white blue black red group street her outside from walking water",
}
ONSETS = {"es": "b c d f g l m n p r s t v ll ch br tr pr", "en": "b c d f g h k l m n p r s t w sh th st"}
RIMES = {"es": "a e i o u á é ó an en or al ia io ue", "en": "a e i o u ee oo an er ing ow all est ock"}
POOL = 0.35  # texts to draw recurring hypotheses from, for each that is drawn
# words a sentence, log-normal: mean, spread of the logarithm, fewest and most
Length = tuple[float, float, int, int]
SHORT: Length = (5.0, 0.3, 2, 12)


class Member(NamedTuple):
    """One file of an archive at its real size: rows, rows without a label, distinct premises a group of three rows."""

    path: str
    rows: int
    unlabelled: int
    premises: float


class Archive(NamedTuple):
    """A corpus: `recurring` is the share of hypotheses that come from a small pool, stray what else is packed."""

    name: str
    members: tuple[Member, ...]
    premise: Length
    hypothesis: Length
    recurring: float
    stray: tuple[str, ...] = ()


SNLI = Archive(
    "snli_1.0.zip",
    (
        Member("snli_1.0/snli_1.0_train.jsonl", 550_152, 785, 150_736 / 183_384),
        Member("snli_1.0/snli_1.0_dev.jsonl", 10_000, 158, 1.0),
        Member("snli_1.0/snli_1.0_test.jsonl", 10_000, 176, 1.0),
    ),
    premise=(14.0, 0.42, 4, 82),
    hypothesis=(9.1, 0.36, 2, 62),
    recurring=0.2,
)
MULTINLI = Archive(
    "multinli_1.0.zip",
    (Member("multinli_1.0/multinli_1.0_train.jsonl", 392_702, 0, 1.0),),
    premise=(20.0, 0.65, 2, 400),
    hypothesis=(10.1, 0.42, 2, 70),
    recurring=0.02,
    stray=("__MACOSX/multinli_1.0/._multinli_1.0_train.jsonl", "multinli_1.0/Icon\r"),
)
MEMBERS = (*SNLI.members, *MULTINLI.members)
TOTAL = sum(member.rows for member in MEMBERS)


def sizes(pairs: int) -> dict[str, int]:
    """Rows of each member, by its path, when all together have `pairs`: in proportion to the real ones."""
    ends = np.rint(np.cumsum([0, *(member.rows for member in MEMBERS)]) * (pairs / TOTAL)).astype(int)
    return dict(zip([member.path for member in MEMBERS], np.diff(ends).tolist(), strict=True))


def zipf(count: int, exponent: float) -> np.ndarray:
    """(count,) float64: the running sum of shares that fall as (rank + 3) to the power of -exponent; 1 at the end."""
    shares = np.cumsum((np.arange(count) + 4.0) ** -exponent)
    return np.asarray(shares / shares[-1])


def vocabulary(language: str, seed: int) -> np.ndarray:
    """(VOCABULARY,) str objects: the common words of `language`, then made-up ones, the short before the long."""
    rng = np.random.default_rng([seed, 0])
    syllables = [onset + rime for onset in ONSETS[language].split() for rime in RIMES[language].split()]
    parts = np.array(syllables)[rng.integers(len(syllables), size=(2 * VOCABULARY, 4))].tolist()
    counts = rng.integers(2, 5, 2 * VOCABULARY).tolist()
    made = ["".join(part[:count]) for part, count in zip(parts, counts, strict=True)]
    words = list(dict.fromkeys([*COMMON[language].split(), *sorted(made[:VOCABULARY], key=len), *made]))
    return np.array(words[:VOCABULARY], object)


def sentences(words: np.ndarray, length: Length, count: int, rng: np.random.Generator) -> list[str]:
    """`count` sentences of independent words, each begun with a capital and ended with a full stop."""
    mean, spread, fewest, most = length
    exact = rng.lognormal(np.log(mean) - spread**2 / 2, spread, count)
    lengths = np.clip(np.rint(exact), fewest, most).astype(int)
    drawn = words[np.searchsorted(zipf(len(words), 1.25), rng.random(lengths.sum()))].tolist()
    ends = [0, *np.cumsum(lengths).tolist()]
    return [" ".join(drawn[first:last]).capitalize() + "." for first, last in pairwise(ends)]


def hypotheses(words: np.ndarray, archive: Archive, count: int, rng: np.random.Generator) -> list[str]:
    """`count` sentences, of which a share comes from a pool: the first of it is drawn thousands of times."""
    found = np.array(sentences(words, archive.hypothesis, count, rng), object)
    places = np.flatnonzero(rng.random(count) < archive.recurring)
    pool = np.array(sentences(words, SHORT, max(1, round(POOL * len(places))), rng), object)
    found[places] = pool[np.searchsorted(zipf(len(pool), 1.0), rng.random(len(places)))]
    return [*found]


def rows(words: np.ndarray, archive: Archive, member: Member, count: int, seed: int) -> list[dict[str, Any]]:
    """The rows of a member without their parses: a premise has three, one of each label, or six or more."""
    rng = np.random.default_rng([seed, 1 + MEMBERS.index(member)])
    groups = -(-count // 3)
    distinct = max(1, round(member.premises * groups))
    captions = rng.permutation(np.concatenate([np.arange(distinct), rng.integers(distinct, size=groups - distinct)]))
    labels = rng.permuted(np.tile(np.arange(3), (groups, 1)), axis=1).ravel()[:count].tolist()
    disputed = set(rng.choice(count, round(member.unlabelled * count / member.rows), replace=False).tolist())
    first, second = sentences(words, archive.premise, distinct, rng), hypotheses(words, archive, count, rng)
    made = []
    for number, (caption, label) in enumerate(zip(np.repeat(captions, 3)[:count].tolist(), labels, strict=True)):
        row = named(archive, caption, number, LABELS[label], 1 if member.rows > 10_000 else 5)
        made.append({**row, "sentence1": first[caption], "sentence2": second[number]})
        if number in disputed:
            made[-1] |= {"gold_label": "-", "annotator_labels": [*LABELS, *LABELS[:2]]}
    return [made[place] for place in rng.permutation(count)] if archive is MULTINLI else made


def named(archive: Archive, caption: int, number: int, label: str, annotators: int) -> dict[str, Any]:
    """What the originals say of a row beside its sentences."""
    row: dict[str, Any] = {"annotator_labels": [label] * annotators, "gold_label": label}
    if archive is MULTINLI:
        prompt = f"{caption}{GENRES[caption % 5][0]}"
        return {**row, "genre": GENRES[caption % 5], "promptID": prompt, "pairID": f"{prompt}{label[0]}"}
    picture = f"{10**8 + caption // 5}.jpg#{caption % 5}"
    return {**row, "captionID": picture, "pairID": f"{picture}r{number}{label[0]}"}


def lines(made: list[dict[str, Any]]) -> Iterator[bytes]:
    """JSON lines with the parses, which are most of the originals' bytes: a right-branching one and a flat one."""
    for row in made:
        parses = {}
        for key in ("sentence1", "sentence2"):
            body = row[key][:-1]
            closed = " )" * (body.count(" ") + 1)
            parses[f"{key}_binary_parse"] = f"( {body.replace(' ', ' ( ')} .{closed}"
            parses[f"{key}_parse"] = f"(ROOT (S (NN {body.replace(' ', ') (NN ')}) (. .)))"
        yield json.dumps({**row, **parses}, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def pack(file: zipfile.ZipFile, path: str, content: Iterable[bytes]) -> None:
    """Write a member that bears no date."""
    described = zipfile.ZipInfo(path)
    described.compress_type = zipfile.ZIP_DEFLATED
    with file.open(described, "w") as member:
        member.writelines(content)


def write(folder: Path, pairs: int, language: str, seed: int, shuffle: int | None) -> None:
    """Write both archives into `folder`; shuffle: a seed that puts the rows of each member in another order."""
    folder.mkdir(parents=True, exist_ok=True)
    words, counts = vocabulary(language, seed), sizes(pairs)
    for archive in (SNLI, MULTINLI):
        with zipfile.ZipFile(folder / archive.name, "w") as file:
            for member in archive.members:
                made = rows(words, archive, member, counts[member.path], seed)
                if shuffle is not None:
                    made = [made[place] for place in np.random.default_rng(shuffle).permutation(len(made))]
                pack(file, member.path, lines(made))
            for path in archive.stray:
                pack(file, path, [b"\0\5\x16\7"] if "._" in path else [])


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help=f"where {SNLI.name} and {MULTINLI.name} are written")
    parser.add_argument("--language", choices=sorted(COMMON), default="es", help="what the words look like (es)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other sentences (0)")
    parser.add_argument("--shuffle", type=int, metavar="SEED", help="the same rows in another order")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--scale", type=float, default=1.0, help=f"fraction of the real {TOTAL:,} rows (1.0)")
    size.add_argument("--pairs", type=int, metavar="N", help="exactly this many rows in both archives together")
    given = parser.parse_args()
    pairs = round(given.scale * TOTAL) if given.pairs is None else given.pairs
    if pairs < 200:
        parser.error(f"{pairs} rows are too few for every member to have some; at least 200")
    write(given.folder, pairs, given.language, given.seed, given.shuffle)


if __name__ == "__main__":
    main()
