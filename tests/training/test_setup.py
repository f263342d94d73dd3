"""Every setting of training reaches the run, whoever builds it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from training_inputs import settings_for, table_for

from terna.data.teacher_vectors import TeacherVectors
from terna.encoder import Encoder
from terna.errors import DataError
from terna.records import STARTS
from terna.training.parts.ranked import RankedPart
from terna.training.parts.taught import TranslationPart
from terna.training.setup import Inputs, build_run, finished
from terna.training.trainer import build_trainer

TINY = (
    "model.scratch={vocab_size:320,hidden_size:32,layers:2,heads:2,intermediate_size:64}",
    "model.max_length=24",
)


@pytest.fixture(scope="module")
def inputs(make_encoder: Callable[..., Encoder]) -> Inputs:
    encoder = make_encoder()
    table, tokenizer = table_for(encoder), encoder.tokenizer
    taught = TeacherVectors(np.zeros((27, 32), np.float32), table.ids, table.offsets)
    return Inputs(tokenizer, STARTS.empty_table(), table, ["sample"], taught)


def test_each_option_changes_the_run_that_is_built(root: Path, inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[dict[str, bool]] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda _, **options: compiled.append(options))
    run = build_run(settings_for(root, *TINY), inputs)
    assert (run.encoder.packed, run.encoder.cached, compiled) == (True, False, [])
    asked = ("train.packed=false", "train.cached=true", "train.compile=true", "train.known_positives=true")
    other = build_run(settings_for(root, *TINY, *asked, "+train.weights.sample=2.0"), inputs)
    assert (other.encoder.packed, other.encoder.cached) == (False, True)
    [part] = other.datamodule.parts
    assert isinstance(part, RankedPart)
    assert part.known_positives
    assert part.shared.weights == [2.0]
    [ours], [theirs] = run.module.steps, other.module.steps
    assert theirs == sum(other.datamodule.steps) > 2 * ours
    assert compiled == [{"dynamic": True}]
    trainer = build_trainer(settings_for(root, "train.precision=bf16-mixed", "train.clip=0.5", "train.epochs=7"), [])
    assert (trainer.precision, trainer.gradient_clip_val, trainer.max_epochs) == ("bf16-mixed", 0.5, 7)


def test_two_runs_that_are_built_start_from_the_same_weights_and_another_seed_from_others(
    root: Path, inputs: Inputs
) -> None:
    settings = settings_for(root, *TINY)
    first, second, third = (build_run(replace(settings, seed=seed), inputs).encoder.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert not all(torch.equal(value, third[name]) for name, value in first.items())


def test_new_entries_of_the_vocabulary_start_from_what_the_inputs_say(root: Path, inputs: Inputs) -> None:
    settings, last = settings_for(root, *TINY), len(inputs.tokenizer) - 1
    words = build_run(settings, inputs).encoder.backbone.get_input_embeddings().weight.detach()
    starts = pa.table([[last], [[5, 6]], [[0.25, 0.75]]], schema=STARTS)
    found = build_run(settings, replace(inputs, starts=starts)).encoder.backbone.get_input_embeddings().weight.detach()
    torch.testing.assert_close(found[last], 0.25 * words[5] + 0.75 * words[6])
    assert torch.equal(found[:last], words[:last])


def test_a_student_has_a_teacher_s_batches_and_without_its_vectors_is_refused(root: Path, inputs: Inputs) -> None:
    settings = settings_for(root, *TINY, "parallel=esxnli", "train.distill={teacher:t,sources:true,unit:true}")
    run = build_run(settings, inputs)
    [part] = run.datamodule.parts
    assert isinstance(part, TranslationPart)
    with pytest.raises(DataError, match=r"train\.distill: .*dvc repro teacher"):
        build_run(settings, replace(inputs, taught=None))


def test_adapters_are_in_the_run_and_not_in_what_ships(root: Path, inputs: Inputs) -> None:
    settings = settings_for(root, *TINY, "train.lora={rank:4,alpha:8.0,dropout:0.1}")
    run = build_run(settings, inputs)
    assert any("lora_" in name for name in run.encoder.state_dict())
    assert not any("lora_" in name for name in finished(settings, run).state_dict())
