"""A report's contents, made up, and how a page is read back."""

from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
from card_inputs import LINEAGE, TRAINING, result, scores_of, settings_of, stats_of

from terna.evaluation.diagnosis import Band, Diagnosis, Neighbour, Neighbours, Pair, Part, Space
from terna.records import TRIPLETS
from terna.release.report import Contents, render

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "<script>alert('ay')</script> & \"`código`\" $x_1$ **no** ]]> --> 日本"
LONG = "Donaudampfschifffahrts" * 12
VOID = {"meta", "link", "wbr"}


def diagnosis(numbers: Any, sentence: str = "¿Vienes?") -> Diagnosis:
    """Figures of which no two agree."""

    def figure() -> float:
        return round(next(numbers) * 0.000731 + 0.1, 6)

    def part(name: str) -> dict[str, Any]:
        keys = ("pearson", "spearman", "baseline_pearson", "baseline_spearman", "difference")
        fields: dict[str, Any] = {key: figure() for key in keys}
        return {"name": name, "n": 100 + next(numbers), **fields, "ci95": (figure() - 0.2, figure())}

    ranks = ("gold", "predicted", "gold_rank", "predicted_rank")
    bands = [Band(**part(f"{low} to {low + 1}"), **{key: figure() for key in ranks}) for low in range(5)]
    worst = [
        Pair("first", line, sentence, f"Frase {line}.", line / 4, *(figure() for _ in range(3))) for line in range(10)
    ]
    space = {name: Space(900, figure(), 77, figure(), -figure()) for name in ("this model", "the backbone, untouched")}
    files, lengths = [Part(**part("first")), Part(**part("second"))], [Part(**part(f"{n} words")) for n in (5, 9, 12)]
    overlap = [Part(**part(name)) for name in ("0 to 0.1", "0.1 to 0.25", "0.25 to 0.5", "0.5 to 1")]
    near = [Neighbour(f"{sentence} {place}", figure()) for place in range(6)]
    neighbours = [Neighbours(sentence, near[:3], near[3:]), Neighbours("Sola.", near[:1], [])]
    return Diagnosis("cosine", "pearson", files, lengths, overlap, bands, worst, neighbours, space)


def contents_of(*overrides: str, sentence: str = "¿Vienes?", **changed: Any) -> Contents:
    settings = changed.pop("settings", None) or settings_of(ROOT, *(overrides or ("experiment=bertin_nodense",)))
    numbers, names = count(), list(settings.evaluate.benchmarks)
    scores = scores_of(settings)
    scores["untouched"] = {names[-1]: result(0.2)}
    steps = [float(step) for step in range(0, 900, 3)]
    falling = [4 / (1 + step / 50) for step in steps]
    curves = {
        "loss": {"step": steps, "loss": falling},
        "lr": {"step": steps, "lr": [value / 1e4 for value in falling]},
        "development": {"step": [0.0, 18.0, 36.0], "cosine_pearson": [0.2, 0.5, float("nan")]},
    }
    gold = [place / 20 for place in range(100)]
    files = [("first", "second")[place % 2] for place in range(100)]
    pairs = pa.table({"file": files, "gold": gold, "cosine": [(value * 7 % 3) / 3 for value in gold]})
    found: dict[str, Any] = {
        "scores": scores,
        "training": TRAINING | {"backbone_commit": None},
        "stats": stats_of(settings),
        "diagnosis": {name: diagnosis(numbers, sentence) for name in names},
        "curves": curves,
        "predictions": dict.fromkeys(names, pairs),
        "triplets": pa.table([["Voy."], ["Me muevo."], [sentence], ["nli_es"]], schema=TRIPLETS),
        "lineage": LINEAGE,
    }
    return Contents(settings, **found | changed)


class Page(HTMLParser):
    """What a page holds: its tables by caption, headings, names, addresses, drawings, tags and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.headings: list[tuple[int, str]] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.labels: list[str] = []
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.words: list[str] = []
        self.text = ""
        self.caption = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.addresses += [given[name] or "" for name in ("href", "src", "xlink:href", "srcset") if name in given]
        assert not [name for name in given if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("caption", "td", "th", "h1", "h2", "h3", "h4", "desc"):
            self.words = []
        if tag == "tr":
            self.tables[self.caption].append([])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} closes what is not open"
        text = "".join(self.words)
        if tag == "caption":
            self.caption = text
            assert text not in self.tables, f"two tables are called {text}"
            self.tables[text] = []
        elif tag in ("td", "th"):
            self.tables[self.caption][-1].append(text)
        elif tag in ("h1", "h2", "h3", "h4"):
            self.headings.append((int(tag[1]), text))
        elif tag == "desc":
            self.labels.append(text)

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        self.text += data

    def rows(self, caption: str) -> list[dict[str, str]]:
        header, *rows = self.tables[caption]
        return [dict(zip(header, row, strict=True)) for row in rows]


if __name__ == "__main__":
    print(render(contents_of(sentence=HOSTILE)), end="")
