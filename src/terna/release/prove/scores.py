"""The released weights, scored again, and the card, filled again."""

from collections.abc import Iterator, Mapping
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

from terna.data.evaluators import read_evaluators
from terna.errors import TernaError, words_of
from terna.evaluation.verdict import verdicts
from terna.evaluation.verdict import write as write_verdicts
from terna.metrics.task import figures
from terna.records import read_json, sha256_of
from terna.release import eval_results, origin
from terna.release.card import differing, emissions, fill
from terna.release.hub.checks import TOLERANCE
from terna.release.lineage import EMISSIONS, RELEASE, VERDICTS, Link
from terna.release.links import changed
from terna.release.prove.finding import Finding, differs, proved, trusted
from terna.release.prove.released import Released
from terna.release.prove.stages import otherwise
from terna.settings import Settings
from terna.settings.benchmark import NOT_BENCHMARKS
from terna.settings.devices import device_of

# what a figure may differ by where the machine, the packages and the threads are those of the release
EXACT = 1e-12
RAW = "data/raw/sts"
CARDS = (f"{RELEASE}/README.md", f"{RELEASE}/encoder/README.md")
# what the card is filled from, beside the encoder
FILLED = ("metrics/sts.json", "metrics/train.json", "data/triplets/stats.json", "data/tokens/stats.json")
Figures = Mapping[str, Mapping[str, float | None]]


def scores(released: Released, settings: Settings, scratch: Path) -> Iterator[Finding]:
    """Score the released encoder on every benchmark, and compare with the figures of metrics/ and of the card."""
    link = released.links["evaluate"]
    raw = [path for path in link.read if path.startswith(RAW)]
    if lacking := [path for path in raw for _ in changed("evaluate", scratch, path, link.read[path])]:
        yield trusted("scores", f"not computed again, since the benchmark could not be had: {', '.join(lacking)}")
        return
    try:
        found = _measured(settings, link, scratch)
    except (TernaError, OSError) as error:
        yield differs("release/encoder", "an encoder that scores", words_of(error))
        return
    tolerance = TOLERANCE if otherwise(link, settings) else EXACT
    for source, stated in _stated(released):
        for name, each in found.items():
            yield from _same(f"{source}, {name}", stated.get(name, {}), each, tolerance)
        for name in sorted(set(stated) - {*found, *NOT_BENCHMARKS}):
            yield differs(f"{source}, {name}", None, "figures of a benchmark that the settings do not have")


def emitted(released: Released) -> Iterator[Finding]:
    """What the training emitted, where the release states it: that it is of this training, and no more."""
    path = f"{RELEASE}/{EMISSIONS}"
    if path not in released.files:
        return
    try:
        found = emissions.of_release(released.files[path])
    except TernaError as error:
        yield differs(path, "energy and emissions", words_of(error))
        return
    [made] = released.links["train"].record.values()
    if found and found.made != made:
        yield differs(f"{path}: made", made, found.made, ", the record of the training")
    else:
        yield trusted(path, "measured while the encoder was trained; no computation gives it again")


def card(released: Released, settings: Settings, scratch: Path) -> Iterator[Finding]:
    """Fill the card from the figures of the release and the accounts of the stages, and compare each line."""
    made = {path: digest for link in released.lineage.chain for path, digest in link.wrote.items()}
    needed = [*FILLED, *(["data/mined/stats.json"] if settings.mine.encoder else [])]
    lacking = [path for path in needed if any(changed("", scratch, path, made.get(path, "")))]
    cards = [path for path in CARDS if path in released.files]
    if lacking:
        yield trusted("card", f"not filled again, since it needs {', '.join(lacking)} as the release has it")
        return
    lineage = replace(released.lineage, chain=released.lineage.chain[:-1])
    try:
        with chdir(scratch):
            text = fill(settings, lineage, emissions.of_release(Path(RELEASE) / EMISSIONS))
    except Exception as error:  # whatever a template misses in files that somebody edited
        yield differs("card", "figures and accounts that it can be filled from", words_of(error))
        return
    for path in cards:
        yield from _lines(released, path, text, "settings, figures and accounts")
    yield from _compared(released, settings, scratch)
    date = origin.date(Path(), released.lineage.commit)
    yield from on_the_hub(released, eval_results.texts(settings, read_json(scratch / FILLED[0]), date))


def on_the_hub(released: Released, texts: Mapping[str, str]) -> Iterator[Finding]:
    """The release's .eval_results/ against `texts`, what the figures make of it, by the names of its files."""
    folder = f"{RELEASE}/encoder/{eval_results.FOLDER}"
    due = {f"{folder}/{name}": text for name, text in texts.items()}
    for path in sorted({*due, *(path for path in released.files if path.startswith(f"{folder}/"))}):
        if path in due and path in released.files:
            yield from _lines(released, path, due[path], "settings, figures and the commit")
        else:
            yield differs(path, due.get(path), "a file" if path in released.files else None, ", by the settings")


def _lines(released: Released, path: str, text: str, made_of: str) -> Iterator[Finding]:
    """Each line of a file of the release that is not the one in `text`."""
    lines = list(differing(released.files[path].read_text(encoding="utf-8", errors="replace"), text))
    for number, found, expected in lines:
        yield differs(f"{path}, line {number}", expected, found)
    if not lines:
        yield proved(path, f"every line is what {made_of} make")


def _compared(released: Released, settings: Settings, scratch: Path) -> Iterator[Finding]:
    """The comparison with the lexical baselines, made again from the figures."""
    path, again = f"{RELEASE}/encoder/{VERDICTS}", scratch / VERDICTS
    write_verdicts(verdicts(settings.evaluate, read_json(scratch / FILLED[0])), again)
    if path in released.files and sha256_of(released.files[path]) != sha256_of(again):
        yield differs(path, sha256_of(again), sha256_of(released.files[path]), ", by the figures of the release")
    elif path in released.files:
        yield proved(path, "it is what the figures make")


def _measured(settings: Settings, link: Link, scratch: Path) -> dict[str, dict[str, float | None]]:
    # torch takes seconds to import: what can fail before it has failed
    import torch

    from terna.encoder import Encoder
    from terna.evaluation.measure import outcomes
    from terna.systems import placed

    if link.threads:
        torch.set_num_threads(link.threads)
    evaluators = read_evaluators(settings.evaluate, scratch / RAW)
    encoder = placed(Encoder.load(scratch / RELEASE / "encoder"), device_of(settings.machine.accelerator))
    made = outcomes(encoder, evaluators)
    return {name: figures(one.metric, made[name]) for name, one in evaluators.items()}


def _stated(released: Released) -> Iterator[tuple[str, Figures]]:
    """Where the release states figures, and which by benchmark."""
    if path := released.files.get(f"{RELEASE}/metrics/sts.json"):
        yield f"{RELEASE}/metrics/sts.json", _read(path)
    for name in CARDS:
        if name in released.files:
            yield name, _in_card(released.files[name])


def _read(path: Path) -> Figures:
    try:
        found: Figures = read_json(path)
    except TernaError:  # its digest says so
        return {}
    return {name: each for name, each in found.items() if isinstance(each, dict)} if isinstance(found, dict) else {}


def _in_card(path: Path) -> Figures:
    """The figures of a card's front matter, model-index; without those that are undefined."""
    from huggingface_hub import metadata_load

    try:
        found: Any = metadata_load(path) or {}
        results = found["model-index"][0]["results"]
        return {one["dataset"]["name"]: {m["type"]: m["value"] for m in one["metrics"]} for one in results}
    except Exception:  # YAML that somebody broke: its digest says so
        return {}


def _same(
    where: str, stated: Mapping[str, float | None], found: Mapping[str, float | None], tolerance: float
) -> Iterator[Finding]:
    other = [name for name, value in found.items() if not _equal(stated.get(name), value, tolerance)]
    for name in other:
        yield differs(f"{where}: {name}", found[name], stated.get(name), ", by the released weights")
    if not other:
        yield proved(where, f"the weights give its {len(found)} figures again, within {tolerance:g}")


def _equal(stated: Any, found: float | None, tolerance: float) -> bool:
    if stated is None or found is None:
        return stated is None and found is None
    return isinstance(stated, int | float) and abs(stated - found) <= tolerance
