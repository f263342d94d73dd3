"""Average the weights of several encoders of one shape, and keep the average with the best development score.

reads   encoders' folders: of trials and finals of `make search`, of experiments of `make seeds`, or any others;
        params.yaml, and of the benchmarks only evaluate.select_on, a development benchmark
does    scores each encoder, the uniform and the greedy soup and, with --start, mixes of both with the start; ranks them
writes  OUT/: the best as an encoder's folder, with soup.json (the encoders in the average); OUT.md: the table;
        with --experiments also soups/<name>/encoder/: the encoders of the experiments

    python pipelines/soup.py search/lr-3c1f2a/4/models/encoder search/lr-3c1f2a/4-seed-2/models/encoder

or: make soup FOLDERS="… …" OUT=soups/mine                make soup EXPERIMENTS="…-seed-1 …-seed-2"
"""

from terna.running.command import worded
from terna.running.process import settle
from terna.running.search.standings import markdown, verdict

import argparse
from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terna.data.evaluators import Evaluator, read_evaluator
from terna.errors import DataError, ModelError, SettingsError, words_of
from terna.markdown import escape, figure
from terna.metrics.standings import Standing, ranking, tied
from terna.records import replacing_folder, write_json, write_text
from terna.settings import Settings, compose, load
from terna.settings.benchmark import UNITS
from terna.settings.schema import CHOSEN_ON_TEST

if TYPE_CHECKING:
    from terna.training.soup import Averages, Soup

OUT = Path("soups")
RAW = Path("data/raw/sts")
ENCODER = "models/encoder"
# in the folder that is written
RECORD = "soup.json"
# of the average, where it is mixed with the start
SHARES = (0.25, 0.5, 0.75)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="*", type=Path, help="the encoders, in the order in which they are summed")
    parser.add_argument(
        "--experiments", nargs="+", default=[], help="DVC's, after the folders; `make seeds` names its own"
    )
    parser.add_argument("--start", help="what they started from: a folder, pkg:module/path or owner/name@revision")
    parser.add_argument("--kind", choices=("uniform", "greedy"), help="keep this soup, whatever is the best")
    parser.add_argument("--out", type=Path, default=OUT / "encoder", help="the folder to write (soups/encoder)")


@worded(arguments)
def main(given: argparse.Namespace) -> str:
    settle()
    settings = load(compose(Path(), [], "params"))
    chosen = settings.evaluate.select_on
    if settings.evaluate.use_of(chosen) == CHOSEN_ON_TEST:
        raise SettingsError(
            [f"evaluate.select_on: soups are chosen on development data, and {chosen} is a test benchmark"]
        )
    check_out(given.out, [*given.folders, *(OUT / name for name in given.experiments)])
    folders = [*given.folders, *map(fetched, given.experiments)]
    if not folders or len(set(folders)) < len(folders):
        raise SettingsError([f"{len(folders)} encoders, {len(set(folders))} different: give one or more, each once"])
    # torch takes seconds to import: what can fail before it has failed
    from terna.systems import locate
    from terna.training.soup import best_of

    start = locate(given.start) if given.start else None
    benchmark = read_evaluator(chosen, settings.evaluate, RAW)
    averages = averages_of(folders, start, benchmark, settings.evaluate.main_score)
    soups = averages.soups(list(map(str, folders)), SHARES if start else ())
    kept = next((one for one in soups if one.name == given.kind), best_of(soups))
    standings = ranked(soups, benchmark, settings)
    told = sentence(standings, kept)
    of = [folders[place] for place in kept.members] if kept.share else []
    write(averages, kept, {**described(kept, settings), **sources(of, start if kept.share < 1 else None)}, given.out)
    unit = UNITS[settings.evaluate.benchmarks[chosen].task]
    text = f"{markdown(standings, [])}\n\n{escape(told)}. These very {unit} chose it.\n"
    write_text(text, given.out.with_name(f"{given.out.name}.md"))
    print(text)
    return f"{given.out}: {told}"


def check_out(out: Path, folders: Sequence[Path]) -> None:
    """ModelError where something lies that is no soup, or that is to be averaged."""
    if out.resolve() in [folder.resolve() for folder in folders]:
        raise ModelError(f"{out}: is one of the encoders; give another --out")
    if out.exists() and not (out / RECORD).is_file():
        raise ModelError(f"{out}: already exists and is not a soup; remove it, or give another --out")


def fetched(experiment: str) -> Path:
    """The encoder of an experiment, brought from DVC's cache into a folder; DataError if it is not available."""
    from dvc.api import DVCFileSystem  # seconds
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    with replacing_folder(OUT / experiment) as beside:
        try:
            # into a folder that is not there yet: into one that is, it would be copied as a folder in it
            DVCFileSystem(".", rev=experiment).get(ENCODER, str(beside / "encoder"), recursive=True)
        except (DvcException, SCMError, OSError) as error:
            raise DataError(
                f"{experiment}: no encoder of such an experiment in DVC's cache ({words_of(error)}); give names that "
                "`dvc exp show` lists, or that `make seeds` printed"
            ) from error
    return OUT / experiment / "encoder"


def averages_of(folders: Sequence[Path], start: Path | None, benchmark: Evaluator, main: str) -> "Averages":
    """What averages the encoders of these folders; ModelError for those that cannot be averaged."""
    from terna.encoder import Encoder
    from terna.encoder.averaging import check_alike
    from terna.training.selection import benchmark_score
    from terna.training.soup import Averages

    first = Encoder.load(folders[0])
    weights = [{name: value.clone() for name, value in first.state_dict().items()}]
    for folder in [*folders[1:], *([start] if start else [])]:
        other = Encoder.load(folder)
        check_alike(first, other, (folders[0], folder), is_start=folder is start)
        weights.append(other.state_dict())
    begun = weights.pop() if start else None
    return Averages(first, weights, benchmark_score(benchmark, main), main, begun)


def ranked(soups: Sequence["Soup"], benchmark: Evaluator, settings: Settings) -> list[Standing]:
    """The averages by their score, and the difference of each from the best."""
    kind = settings.evaluate.main_score.partition("_")[2]
    return ranking({one.name: [one.outcome] for one in soups}, benchmark.metric, kind, seed=settings.seed)


def sentence(standings: Sequence[Standing], kept: "Soup") -> str:
    """What was kept, what is tied with the best, and whether the start is."""
    from terna.training.soup import START

    best = standings[0].system
    kind = [] if kept.name == best else [f"kept: {kept.name}, {kept.score:.4f}"]
    told = [*kind, f"best: {best}, {figure(standings[0].mean, 4)}", verdict(standings)]
    return "; ".join([*told, *([f"none is shown to beat {START}"] if START in [best, *tied(standings)] else [])])


def described(kept: "Soup", settings: Settings) -> dict[str, Any]:
    """What was chosen, by what."""
    chosen_on = f"{settings.evaluate.select_on} {settings.evaluate.main_score}"
    score = None if isnan(kept.score) else kept.score
    return {"kind": kept.name, "share": kept.share, "chosen_on": chosen_on, "score": score}


def sources(folders: Sequence[Path], start: Path | None) -> dict[str, Any]:
    """What was averaged, each with the sha256 of its files."""
    from terna.systems import digests_of

    of = [{"folder": str(folder), "sha256": digests_of(folder)} for folder in folders]
    return {"averaged": of, "start": start and {"folder": str(start), "sha256": digests_of(start)}}


def write(averages: "Averages", kept: "Soup", record: Mapping[str, Any], out: Path) -> None:
    """The average as an encoder's folder, with its record in it, whole or not at all."""
    from terna.encoder import save

    with replacing_folder(out) as beside:
        save(averages.load(kept.members, kept.share), beside)
        write_json(record, beside / RECORD)


if __name__ == "__main__":
    main()
