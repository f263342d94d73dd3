"""The card's YAML front matter: what the hub shows, filters by and lists."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from terna.markdown import Markdown, visible
from terna.release.card.emissions import Emissions
from terna.release.card.licence import licence_of
from terna.settings import Corpus, HubDataset, Model, Settings, is_hub_name

if TYPE_CHECKING:
    from huggingface_hub import CardData

# the published card's examples
WIDGET = (
    "A ver si nos tenemos que poner todos en huelga hasta cobrar lo que queramos.",
    "La huelga es el método de lucha más eficaz para conseguir mejoras en el salario.",
    "Tendremos que optar por hacer una huelga para cobrar lo que queremos.",
    "Queda descartada la huelga aunque no cobremos lo que queramos.",
)
# what sentence-transformers calls the tasks there
TASKS = {
    "sts": ("semantic-similarity", "Semantic Textual Similarity"),
    "binary": ("binary-classification", "Binary Classification"),
    "ranking": ("information-retrieval", "Information Retrieval"),
}
# corpora that the hub has under a name of its own, by the folder that their authors keep them in
SOURCES = {
    "https://nlp.stanford.edu/projects/snli/": "stanfordnlp/snli",
    "https://cims.nyu.edu/~sbowman/multinli/": "nyu-mll/multi_nli",
    "https://dl.fbaipublicfiles.com/XNLI/": "facebook/xnli",
    "https://raw.githubusercontent.com/PhilipMay/stsb-multi-mt/": "PhilipMay/stsb_multi_mt",
}
HUB = re.compile(r"https://huggingface\.co/datasets/(?P<name>[^/]+/[^/]+)/resolve/")


def matter(settings: Settings, scores: Mapping[str, Any], on_hub: bool, emissions: Emissions | None = None) -> Markdown:
    """The YAML between two lines of three dashes; on_hub: whether the backbone has a page there."""
    # not at the top: huggingface_hub reads its environment as it is imported, and a stage sets that up only then
    from huggingface_hub import EvalResult, ModelCardData

    # the hub takes no metric without a value: an undefined figure is left out
    results = [
        EvalResult(
            task_type=TASKS[settings.evaluate.benchmarks[benchmark].task][0],
            task_name=TASKS[settings.evaluate.benchmarks[benchmark].task][1],
            dataset_type=next(iter(datasets({benchmark: settings.evaluate.benchmarks[benchmark]})), benchmark),
            dataset_name=benchmark,
            **_part(settings.evaluate.benchmarks[benchmark].dataset),
            metric_type=figure,
            metric_name=figure.replace("_", " ").title(),
            metric_value=scores[benchmark][figure],
        )
        for benchmark in settings.evaluate.benchmarks
        for figure in settings.evaluate.benchmarks[benchmark].figures
        if scores[benchmark][figure] is not None
    ]
    data = ModelCardData(
        pipeline_tag="sentence-similarity",
        library_name="sentence-transformers",
        tags=["sentence-transformers", "feature-extraction", "sentence-similarity"],
        language=["es"],
        license=licence_of(settings.corpora | settings.parallel).identifier,
        base_model=settings.model.backbone if on_hub else None,
        datasets=datasets(settings.corpora) or None,
        widget=[{"source_sentence": WIDGET[0], "sentences": list(WIDGET[1:])}],
        model_name=settings.release.name,
        eval_results=results,
        co2_eq_emissions=emissions.front(settings.model.scratch is None) if emissions else None,
    )
    return yaml_of(data)


def yaml_of(data: "CardData") -> Markdown:
    """Metadata as YAML."""
    written = data.to_yaml()
    if "\x85" in written or visible(written) != written:
        # written as escapes: PyYAML reads \x85, a line break of Unicode, as a space, and controls reorder what is shown
        written = yaml.safe_dump(data.to_dict(), sort_keys=False).strip()  # type: ignore[no-untyped-call]
    return Markdown(written)


def datasets(corpora: Mapping[str, Corpus]) -> list[str]:
    """What the hub calls the corpora, in their order, by where their files are from; one that it lacks is left out."""
    addresses = [address for corpus in corpora.values() for file in corpus.files for address in file.addresses]
    known = [corpus.dataset.name for corpus in corpora.values() if corpus.dataset]
    known += [match["name"] for address in addresses if (match := HUB.match(address))]
    known += [name for address in addresses for folder, name in SOURCES.items() if address.startswith(folder)]
    return list(dict.fromkeys(known))


def _part(dataset: HubDataset | None) -> dict[str, Any]:
    """Which part of a dataset of the hub a benchmark is read from; nothing of one that is read from elsewhere."""
    if dataset is None:
        return {}
    return {"dataset_config": dataset.config, "dataset_split": dataset.split, "dataset_revision": dataset.revision}


def on_hub(model: Model) -> bool:
    """Whether the backbone has a page on the hub."""
    return model.scratch is None and is_hub_name(model.backbone)
