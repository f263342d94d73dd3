"""Fixtures that every test may use."""

import os

from composed import compose_once, small

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: see terna.running.process
for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):  # what `make test` hands to its tests
    os.environ.pop(name, None)

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from download_inputs import Site, hosted
from sweep_inputs import make

if TYPE_CHECKING:  # torch and transformers take seconds, which the process that starts the workers need not spend
    from terna.encoder import Encoder

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root."""
    return ROOT


@pytest.fixture(scope="session")
def mirror() -> Path:
    """A folder of real corpora, each file under the name it has at its source; skips without one."""
    folder = Path(os.environ.get("TERNA_MIRROR") or ROOT.parent / "shared" / "corpora")
    if not (folder / "esxnli.tsv").is_file():
        pytest.skip(f"no corpora in {folder}: set TERNA_MIRROR to a folder that has them")
    return folder


@pytest.fixture
def site() -> Iterator[Site]:
    """A server on loopback whose pages a test writes."""
    with hosted() as site:
        yield site


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where a download goes, in a folder that is not there yet."""
    return tmp_path / "raw" / "corpus.bin"


@pytest.fixture(scope="session")
def ready(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project on the sample corpus with a very small model, ready to train: copy it."""
    folder = tmp_path_factory.mktemp("ready")
    make(root, folder)
    return folder


# Small sentences of unequal length, for encoders that are made in a test.
SENTENCES = [
    "El perro duerme.",
    "La panadera abrió la tienda antes del alba y encendió el horno con leña de encina.",
    "¿Vienes?",
    "Nadie supo quién había dejado la carta bajo la puerta del molino.",
    "Hoy no hay pan.",
]


@pytest.fixture(scope="session")
def sentences() -> list[str]:
    """A few sentences of unequal length."""
    return list(SENTENCES)


@pytest.fixture(scope="session")
def make_encoder(root: Path) -> "Callable[..., Encoder]":
    """A function that makes a small encoder from random weights, with overrides in Hydra's grammar."""
    import torch

    from terna.encoder import build_encoder, load_tokenizer

    tiny = [
        "model.scratch={vocab_size:320,hidden_size:32,layers:2,heads:2,intermediate_size:64}",
        "model.max_length=24",
    ]

    def make(*overrides: str, packed: bool = True) -> "Encoder":
        model = compose_once(root, small([*tiny, *overrides])).model
        torch.manual_seed(7)
        return build_encoder(model, load_tokenizer(model, SENTENCES), packed=packed).eval()

    return make


@pytest.fixture(scope="session")
def encoder_folder(make_encoder: "Callable[..., Encoder]", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such an encoder in a folder, as train exports it; not to be written to."""
    from terna.encoder import save

    folder: Path = tmp_path_factory.mktemp("model") / "encoder"
    save(make_encoder(), folder)
    return folder
