"""The card's YAML front matter: what the hub shows, filters by and lists."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import yaml

from terna.card import licence
from terna.settings import Settings
from terna.settings.schema import Figure

# the published card's examples
WIDGET = (
    "A ver si nos tenemos que poner todos en huelga hasta cobrar lo que queramos.",
    "La huelga es el método de lucha más eficaz para conseguir mejoras en el salario.",
    "Tendremos que optar por hacer una huelga para cobrar lo que queremos.",
    "Queda descartada la huelga aunque no cobremos lo que queramos.",
)


def matter(settings: Settings, scores: Mapping[str, Any]) -> str:
    """The block between two lines of three dashes."""
    fields = {
        "pipeline_tag": "sentence-similarity",
        "library_name": "sentence-transformers",
        "tags": ["sentence-transformers", "feature-extraction", "sentence-similarity"],
        "language": ["es"],
        "license": licence.identifier(settings.corpora | settings.parallel),
        **({"base_model": settings.model.backbone} if on_hub(settings.model.backbone) else {}),
        "widget": [{"text": sentence} for sentence in WIDGET],
        "model-index": [{"name": settings.release.name, "results": _results(settings, scores)}],
    }
    return f"---\n{yaml.safe_dump(fields, allow_unicode=True, sort_keys=False)}---"


def on_hub(backbone: str) -> bool:
    """Whether a backbone is `owner/name` on the hub: as for from_pretrained, a folder of that path goes first."""
    return re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", backbone) is not None and not Path(backbone).is_dir()


def _results(settings: Settings, scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "task": {"type": "semantic-similarity", "name": "Semantic Textual Similarity"},
            "dataset": {"type": name, "name": name},
            "metrics": _metrics(scores[name]),
        }
        for name in settings.evaluate.benchmarks
    ]


def _metrics(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    # the hub takes no metric without a value: an undefined figure is left out
    return [
        {"type": name, "name": name.replace("_", " ").title(), "value": found[name]}
        for name in get_args(Figure)
        if found[name] is not None
    ]
