"""The encoder, and how its weights are trained."""

from collections.abc import Iterator
from difflib import get_close_matches
from itertools import pairwise

from terna.settings.checks.shapes import ROWS, learnt
from terna.settings.declaration import Corpus
from terna.settings.hub import is_hub_name
from terna.settings.schema import Machine
from terna.settings.training import Model, Train

# what reads whole weights in one process, or goes through the layers in another way than a step of all processes does
UNSHARDED = {
    "after": "null",
    "l2_sp": "0.0",
    "cached": "false",
    "compile": "false",
    "lora": "null",
    "embeddings_only": "false",
    "wise_ft": "[]",
    "ema": "null",
    "soup": "null",
}


def check_model(model: Model) -> Iterator[str]:
    if (model.backbone == "scratch") != (model.scratch is not None):
        yield "model.scratch: give the shape exactly when model.backbone is 'scratch'"
    if model.scratch and model.scratch.hidden_size % model.scratch.heads:
        yield f"model.scratch.heads: {model.scratch.heads} does not divide hidden_size {model.scratch.hidden_size}"
    if model.scratch and model.pooling is None:
        yield "model.pooling: from scratch there is no encoder to take it from; choose mean, cls or max"
    for key, asked in vars(model.vocabulary).items():
        if model.scratch and asked:
            yield f"model.vocabulary.{key}: from scratch, a vocabulary is fitted on the sentences; set it to null"
    if (keep := model.vocabulary.keep) and not keep.min_count and keep.size is None:
        yield "model.vocabulary.keep: min_count 0 and no size keep every entry; set one of them, or this to null"
    if model.scratch and model.layers:
        yield "model.layers: from scratch, model.scratch.layers says how many there are; set it to null"
    if model.layers and any(low >= high for low, high in pairwise(model.layers)):
        yield f"model.layers: {model.layers} is not in ascending order; sort it and name each layer once"
    if model.revision and model.backbone.startswith("pkg:"):
        yield "model.revision: a package has no revisions; set model.sha256 instead"
    if model.sha256 and (model.scratch or is_hub_name(model.backbone)):
        yield "model.sha256: pins a folder's or package's weights; set it to null, and pin a hub name by model.revision"


def check_weights(corpora: dict[str, Corpus], model: Model, train: Train) -> Iterator[str]:
    for name in train.weights:
        if name not in corpora:
            near = get_close_matches(name, corpora, n=1)
            meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(corpora)}"
            yield f"train.weights.{name}: no corpus of the mix is called {name!r}; {meant}"
    if corpora and not any(train.weights.get(name, 1.0) for name in corpora):
        yield "train.weights: 0 for every corpus of the mix, so that nothing is trained on; raise one"
        return
    if model.vocabulary.keep:  # counts the words of a corpus that is not trained on
        return
    for shape, examples in ROWS.items():
        of_shape = [name for name, corpus in corpora.items() if corpus.kind == shape]
        if of_shape and not any(train.weights.get(name, 1.0) for name in of_shape):
            yield f"train.weights: 0 for every corpus of {examples}; take {', '.join(of_shape)} out of corpora"


def check_embeddings(train: Train) -> Iterator[str]:
    if train.embeddings_only and train.layer_decay != 1:
        yield (
            f"train.layer_decay: {train.layer_decay}, and with train.embeddings_only no layer is trained, so that it "
            "lowers the only rate there is; set it to 1.0"
        )
    if train.embeddings_only and train.lora:
        yield "train.embeddings_only: low-rank adapters train the layers; set one of the two to its default"


def check_averages(train: Train) -> Iterator[str]:
    for share in dict.fromkeys(train.wise_ft):
        if train.wise_ft.count(share) > 1:
            yield f"train.wise_ft: {share} more than once in {train.wise_ft}; name each share once"
    if train.wise_ft and train.lora:
        yield "train.wise_ft: averages of adapters are not those of the weights; set train.lora to null, or this to []"
    if train.ema is not None and train.lora:
        yield "train.ema: averages of adapters are not those of the weights; set train.lora or this to null"
    if train.soup and train.lora:
        yield "train.soup: averages of adapters are not those of the weights; set train.lora or this to null"
    if train.soup and train.ema is not None:
        yield "train.soup: a moving average would run across its trainings; set train.ema or this to null"
    if train.soup and train.patience is not None:
        yield "train.soup: patience would end all of its trainings at once; set train.patience or this to null"
    if train.after and train.patience is not None:
        yield (
            f"train.after: train.patience, {train.patience}, may end the whole run before the scored pairs are learnt; "
            "set train.patience or this to null"
        )
    if train.soup and train.after:
        yield "train.soup: each of its trainings has all kinds of examples mixed; set train.after or this to null"
    if train.l2_sp and train.lora:
        yield "train.l2_sp: adapters leave the weights where they start; set train.lora to null, or this to 0.0"


def check_devices(train: Train, machine: Machine) -> Iterator[str]:
    devices = machine.devices * machine.nodes
    if train.batch_size % devices:
        yield f"train.batch_size: {train.batch_size} is shared by {devices} devices; choose a multiple of {devices}"


def check_sharded(corpora: dict[str, Corpus], train: Train, machine: Machine) -> Iterator[str]:
    if not machine.sharded:
        return
    if machine.devices * machine.nodes == 1:
        yield "machine.sharded: one process has nobody to share with; raise machine.devices, or set this to false"
    for name, off in UNSHARDED.items():
        if getattr(train, name):
            yield f"train.{name}: not with machine.sharded; set it to {off}, or machine.sharded to false"
    if train.precision == "16-mixed":
        yield (
            "train.precision: Lightning does not support 16-mixed with machine.sharded; choose 32-true, tf32 or "
            "bf16-mixed, or set machine.sharded to false"
        )
    kinds = {corpus.kind for corpus in learnt(corpora, train).values()}
    if train.distill:  # in place of what raw texts are learnt by
        kinds.discard("texts")
    for kind, loss in (("classed", "softmax"), ("texts", "tsdae")):
        if kind in kinds and getattr(train.loss, kind) == loss:
            yield (
                f"train.loss.{kind}: {loss} trains a part beside the encoder, which is not sharded; give another loss, "
                f"take the {ROWS[kind]} out of corpora, or set machine.sharded to false"
            )


def check_ray(machine: Machine) -> Iterator[str]:
    if machine.ray is not None and machine.accelerator == "mps":
        yield "machine.ray: Ray places work on CUDA and CPUs alone; set machine.accelerator to another, or this to null"
