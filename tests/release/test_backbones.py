"""Backbones whose configuration names its sizes unlike BERT's train, and are released with a card that is true."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from documented import programs
from folder_inputs import transformers_folder
from stages import STAGES
from sweep_inputs import COMPOSED, run

from terna.encoder import Encoder

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("family", "loaded_by", "head", "numbers"),
    [("distilbert", "AutoModel", "{out_features:12,activation:tanh}", 12), ("t5", "T5EncoderModel", "null", 16)],
)
def test_distilbert_and_t5_go_from_the_tokens_to_the_report_and_the_cards_programs_give_their_vectors(
    ready: Path, tmp_path: Path, family: str, loaded_by: str, head: str, numbers: int
) -> None:
    project = Path(shutil.copytree(ready, tmp_path / "project"))
    transformers_folder(family, "wordpiece", tmp_path / "backbone")
    released = project / "release" / "encoder"
    model = ("scratch=null", "pooling=mean", "max_length=24", f"backbone={tmp_path / 'backbone'}", f"dense={head}")
    own = (*(f"model.{each}" for each in model), f"release.repo={released}")
    done = run(project, "compose", *own, "train.epochs=1", "train.batch_size=64", "machine.progress=false")
    assert done.returncode == 0, done.stderr
    for stage in STAGES[STAGES.index("mine") :]:
        done = run(project, stage, *COMPOSED)
        assert done.returncode == 0, done.stderr
    encoder = Encoder.load(released)
    card = (project / "release" / "README.md").read_text()
    assert f"a vector of {numbers} numbers" in card
    assert encoder.dimension == numbers
    texts = ["El perro duerme.", "La panadera abrió la tienda antes del alba y encendió el horno."]
    for program, name in zip(programs(card), ("embeddings", "sentence_embeddings"), strict=True):
        found: dict[str, Any] = {}
        exec(re.sub(r"^sentences = .*$", f"sentences = {texts!r}", program, flags=re.MULTILINE), found)
        np.testing.assert_allclose(found[name], encoder.encode(texts), atol=1e-5)
    assert f"model = {loaded_by}.from_pretrained" in card
