"""Folders of every kind that sentence-transformers reads: its vectors by three entrances, or a refusal by file and key.

Each row of FOLDERS is a folder that sentence-transformers itself saved, perhaps edited by hand since.
"""

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from folder_inputs import (
    TEXTS,
    Folder,
    all_of,
    booleans,
    cut,
    edited,
    old_layout,
    old_types,
    replaced,
    weights,
    written,
)
from sentence_transformers.base.modules import Dense, Normalize
from sentence_transformers.sentence_transformer.modules import Dropout, LayerNorm
from torch import nn
from transformers import AutoModel

from terna.encoder import Encoder, save
from terna.encoder.saved import Saved
from terna.errors import ModelError
from terna.serving import onnx_export
from terna.systems import load_system
from terna.systems.onnx_runtime import OnnxEncoder

SETTINGS = "sentence_bert_config.json"
OPTIONS = "config_sentence_transformers.json"
PROMPTS: dict[str, Any] = {"prompts": {"query": "consulta: ", "none": ""}, "default_prompt_name": "query"}
FILLED = tuple(text for text in TEXTS if text)
# RoBERTa counts positions from ids that are not padding, ESM scales by how many masks there are
SPELT = ("El perro [PAD] duerme.", "horno", "la [MASK] de [PAD][PAD] encina", "[PAD]", *TEXTS)
DECODER: dict[str, Any] = {"backbone": "qwen2", "tokenizer": "bare", "pooling": "lasttoken", "texts": FILLED}


def dense(width: int = 16, function: nn.Module | None = None, **more: Any) -> Dense:
    return Dense(width, 12, activation_function=function or nn.Tanh(), **more)


def sharded(folder: Path) -> None:
    """The weights in several files and their index."""
    model = AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="8KB")
    assert len(list(folder.glob("model-*-of-*.safetensors"))) > 3


def elsewhere(folder: Path) -> None:
    """The weights in several files, the last of them beside the folder."""
    sharded(folder)
    last, index = sorted(folder.glob("model-*"))[-1], folder / "model.safetensors.index.json"
    last.rename(folder.parent / last.name)
    index.write_text(index.read_text().replace(last.name, f"../{last.name}"))


FOLDERS: dict[str, Folder] = {
    # pooling: both forms of its file
    "mean": Folder(),
    "cls": Folder(pooling="cls"),
    "max": Folder(pooling="max"),
    "mean over square root": Folder(pooling="mean_sqrt_len_tokens"),
    "weighted mean": Folder(pooling="weightedmean"),
    "last token": Folder(pooling="lasttoken"),
    "three at once in an order of their own": Folder(pooling=["lasttoken", "cls", "weightedmean"]),
    "booleans: mean": Folder(edit=booleans(cls_token=False, mean_tokens=True, max_tokens=False)),
    "booleans: all six": Folder(
        edit=booleans(
            cls_token=True,
            mean_tokens=True,
            max_tokens=True,
            mean_sqrt_len_tokens=True,
            weightedmean_tokens=True,
            lasttoken=True,
        )
    ),
    "booleans: none": Folder(edit=booleans(cls_token=False, mean_tokens=False)),
    "an unknown pooling": Folder(
        edit=edited("1_Pooling/config.json", pooling_mode="median"),
        refused=r"1_Pooling/config\.json: pooling_mode: 'med",
    ),
    "an unknown key of pooling": Folder(
        edit=booleans(mean_tokens=True, median_tokens=True), refused=r"config\.json: pooling_mode_median_tokens: True"
    ),
    "pooling of another width": Folder(
        edit=edited("1_Pooling/config.json", embedding_dimension=99), refused="embedding_dimension is 99.* 16 numbers"
    ),
    # what follows pooling
    "Normalize": Folder(after=lambda: [Normalize()]),
    "Dense": Folder(after=lambda: [dense()]),
    "Dense without bias": Folder(after=lambda: [dense(bias=False)]),
    "Dense with a residual": Folder(after=lambda: [dense(use_residual=True)]),
    "Dense of one size with a residual": Folder(after=lambda: [Dense(16, 16, use_residual=True)]),
    "Dense with PReLU, which has weights": Folder(after=lambda: [dense(function=nn.PReLU())]),
    "Dense with GLU, which halves": Folder(after=lambda: [dense(function=nn.GLU())]),
    "Dense with Softmax": Folder(after=lambda: [dense(function=nn.Softmax(dim=1))]),
    "Dense with an activation by its short path": Folder(
        after=lambda: [dense()], edit=edited("2_Dense/config.json", activation_function="torch.nn.Softplus")
    ),
    "five modules": Folder(
        after=lambda: [Normalize(), dense(function=nn.GELU()), LayerNorm(12), dense(12, nn.Identity()), Dropout(0.5)]
    ),
    "several poolings and a Dense": Folder(pooling=["cls", "mean"], after=lambda: [dense(32, nn.SiLU())]),
    "an old Normalize without a file": Folder(
        after=lambda: [Normalize()], edit=lambda folder: shutil.rmtree(folder / "2_Normalize")
    ),
    "Dense as an old version writes it": Folder(
        after=lambda: [dense()],
        edit=all_of(
            old_types,
            edited("2_Dense/config.json", module_input_name=..., module_output_name=...),
        ),
    ),
    "Dropout that is no probability": Folder(
        after=lambda: [Dropout(0.5)],
        edit=edited("2_Dropout/config.json", dropout=-1.0),
        refused=r"2_Dropout/config\.json: dropout: -1\.0, but a number from 0 to 1 is expected",
    ),
    "Normalize over nothing": Folder(
        after=lambda: [Normalize()],
        edit=edited("2_Normalize/config.json", module_input_name=None),
        refused=r"2_Normalize/config\.json: module_input_name: None, but only 'sentence_embedding' can be read",
    ),
    "an activation of somebody else": Folder(
        after=lambda: [dense()],
        edit=edited("2_Dense/config.json", activation_function="os.system"),
        refused=r"2_Dense/config\.json: activation_function: 'os\.system'",
    ),
    "an activation that needs settings": Folder(
        after=lambda: [dense()],
        edit=edited("2_Dense/config.json", activation_function="torch.nn.modules.activation.Threshold"),
        refused="activation_function: .*Threshold.* without settings",
    ),
    "Dense over tokens": Folder(
        after=lambda: [dense()],
        edit=edited("2_Dense/config.json", module_input_name="token_embeddings"),
        refused="2_Dense/config.json: module_input_name: 'token_embeddings'",
    ),
    "Dense that does not fit": Folder(
        after=lambda: [dense(), dense()], refused="module 3, Dense, does not take vectors of 12 numbers"
    ),
    "Dense of more numbers than any machine holds": Folder(
        after=lambda: [dense()],
        edit=edited("2_Dense/config.json", in_features=10**9, out_features=10**9),
        refused=r"2_Dense/model\.safetensors: .*size mismatch",
    ),
    "Dense of sizes that overflow": Folder(
        after=lambda: [dense()],
        edit=edited("2_Dense/config.json", in_features=10**30),
        refused=rf"2_Dense/config\.json: in_features: {10**30}, but 1 to 1073741824 is expected",
    ),
    "JSON that is nested without end": Folder(
        edit=lambda folder: (folder / "modules.json").write_text("[" * 100_000),
        refused=r"modules\.json: nested too deeply",
    ),
    "more layers than any machine holds": Folder(
        edit=edited("config.json", num_hidden_layers=10**9), refused=r"config\.json: num_hidden_layers: 1000000000, but"
    ),
    "more layers in a part of the configuration": Folder(
        edit=edited("config.json", text_config={"num_hidden_layers": 1001}),
        refused=r"config\.json: num_hidden_layers: 1001, but 1000 at most",
    ),
    "Dense without safetensors": Folder(
        after=lambda: [dense()],
        edit=lambda folder: (folder / "2_Dense" / "model.safetensors").unlink(),
        refused=r"2_Dense/model\.safetensors: not there; save",
    ),
    "Dense with a file that is cut off": Folder(
        after=lambda: [dense()],
        edit=cut("2_Dense/model.safetensors"),
        refused=r"2_Dense/model\.safetensors: \d+ bytes, but its header states \d+: .*get it again",
    ),
    "Dense with weights of another name": Folder(
        after=lambda: [dense()],
        edit=weights(lambda given: given.update(other=given.pop("linear.bias")), "2_Dense/model.safetensors"),
        refused=r"2_Dense/model\.safetensors: .*linear\.bias",
    ),
    # the transformer's settings, under each of their names
    **{
        f"sentence_{kind}_config.json": Folder(
            edit=all_of(
                lambda folder: (folder / SETTINGS).unlink(),
                written(f"sentence_{kind}_config.json", {"max_seq_length": 9, "do_lower_case": True}),
            )
        )
        for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
    },
    "the first name of settings counts": Folder(
        edit=all_of(
            written(SETTINGS, {"max_seq_length": 7}), written("sentence_xlnet_config.json", {"max_seq_length": 9})
        )
    ),
    "an empty file of settings does not": Folder(
        edit=all_of(written(SETTINGS, {}), written("sentence_xlnet_config.json", {"max_seq_length": 9}))
    ),
    "length left to the tokenizer": Folder(
        edit=all_of(written(SETTINGS, {}), edited("tokenizer_config.json", model_max_length=11))
    ),
    "length left to the positions": Folder(
        edit=all_of(written(SETTINGS, {}), edited("tokenizer_config.json", model_max_length=...))
    ),
    "a tokenizer whose length is below nothing": Folder(
        edit=edited("tokenizer_config.json", model_max_length=-1),
        refused=r"tokenizer_config\.json: model_max_length: -1, but 2 or more",
    ),
    "a length with room for one token": Folder(
        edit=written(SETTINGS, {"max_seq_length": 3}), texts=("el perro", "horno", "")
    ),
    "a length without room for the special tokens": Folder(
        edit=written(SETTINGS, {"max_seq_length": 1}), refused="max_seq_length: 1, but 2 or more is expected; raise it"
    ),
    "a tokenizer's length that does not count": Folder(
        edit=all_of(written(SETTINGS, {"max_seq_length": 9}), edited("tokenizer_config.json", model_max_length=-1))
    ),
    "version 1": Folder(edit=old_layout),
    "versions 2 to 5": Folder(after=lambda: [dense(), Normalize()], edit=old_types),
    "more tokens than positions": Folder(
        edit=written(SETTINGS, {"max_seq_length": 41}), refused="max_seq_length: 41, but 40 positions"
    ),
    "a length that is none": Folder(
        edit=written(SETTINGS, {"max_seq_length": "long"}), refused=rf"{SETTINGS}: max_seq_length: 'long', but int"
    ),
    "another task": Folder(
        edit=edited(SETTINGS, transformer_task="fill-mask"), refused=f"{SETTINGS}: transformer_task: 'fill-mask'"
    ),
    "arguments of the model": Folder(
        edit=edited(SETTINGS, model_args={"output_attentions": True}), refused=f"{SETTINGS}: model_args: "
    ),
    "another tokenizer's name": Folder(
        edit=edited(SETTINGS, tokenizer_name_or_path="elsewhere"), refused=f"{SETTINGS}: tokenizer_name_or_path: 'else"
    ),
    "query expansion": Folder(
        edit=edited(SETTINGS, query_expansion={"strategy": "fixed", "length": 9}),
        refused=f"{SETTINGS}: query_expansion",
    ),
    "chat messages": Folder(
        edit=edited(SETTINGS, modality_config={"message": {"method": "forward"}}),
        refused=f"{SETTINGS}: modality_config",
    ),
    # how vectors are made and compared
    "a default prompt": Folder(options=PROMPTS),
    "prompts, and none by default": Folder(options={"prompts": PROMPTS["prompts"]}),
    "an empty default prompt": Folder(options=PROMPTS | {"default_prompt_name": "none"}),
    "a default prompt that nobody wrote": Folder(edit=edited(OPTIONS, prompts={}, default_prompt_name="document")),
    **{
        f"{pooling} without the prompt's tokens": Folder(pooling=pooling, include_prompt=False, options=PROMPTS)
        for pooling in ("mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
    },
    "no tokens of a prompt that there is not": Folder(include_prompt=False),
    "a prompt and a tokenizer without special tokens": Folder(
        tokenizer="bare", include_prompt=False, options=PROMPTS, pooling=["mean", "lasttoken", "weightedmean"]
    ),
    "a prompt that fills the text": Folder(
        include_prompt=False,
        options={"prompts": {"long": "consulta " * 40}, "default_prompt_name": "long"},
        refused="default_prompt_name: 'long'",
    ),
    "a default prompt that is not there": Folder(
        edit=edited(OPTIONS, default_prompt_name="answer"), refused=f"{OPTIONS}: default_prompt_name: 'answer'"
    ),
    "a prompt with half of a character": Folder(
        edit=edited(OPTIONS, prompts={"query": "\ud800"}, default_prompt_name="query"),
        refused=rf"{OPTIONS}: half of a surrogate pair",
    ),
    "another similarity": Folder(options={"similarity_fn_name": "dot"}),
    "an unknown similarity": Folder(
        edit=edited(OPTIONS, similarity_fn_name="maxsim"), refused=f"{OPTIONS}: similarity_fn_name: 'maxsim'"
    ),
    "vectors that are cut": Folder(options={"truncate_dim": 5}, after=lambda: [Normalize()]),
    "another kind of model": Folder(
        edit=edited(OPTIONS, model_type="SparseEncoder"), refused=f"{OPTIONS}: model_type: 'SparseEncoder'"
    ),
    "an unknown option": Folder(edit=edited(OPTIONS, whiten=True), refused=f"{OPTIONS}: whiten: True"),
    # the list of modules
    **{
        f"module {kind}": Folder(
            edit=replaced("modules.json", "modules.pooling.Pooling", f"modules.{kind.lower()}.{kind}"),
            refused=rf"modules\.json: modules Transformer, {kind}; Transformer, Pooling and then any of Dense",
        )
        for kind in ("Router", "BoW", "CNN", "LSTM", "WordEmbeddings", "WeightedLayerPooling", "WordWeights")
    },
    "modules that begin otherwise": Folder(
        edit=replaced("modules.json", "base.modules.transformer.Transformer", "models.StaticEmbedding"),
        refused=r"modules\.json: modules StaticEmbedding, Pooling",
    ),
    "a module of somebody else": Folder(
        edit=replaced("modules.json", "sentence_transformers.base.modules.transformer", "custom"),
        refused=r"modules\.json: modules custom\.Transformer, Pooling",
    ),
    "two modules of one name": Folder(
        after=lambda: [dense(), dense(12)],
        edit=replaced("modules.json", '"name": "3"', '"name": "2"'),
        refused=r"modules\.json: name: '2', but another module has that name",
    ),
    "a module's key of a version to come": Folder(
        edit=replaced("modules.json", '"idx": 1', '"skipped": true, "idx": 1'), refused=r"modules\.json: skipped: True"
    ),
    "a module outside of the folder": Folder(
        edit=replaced("modules.json", '"1_Pooling"', '"../1_Pooling"'), refused=r"modules\.json: path: '\.\./1_Pooling'"
    ),
    "a module whose path is too long for a name": Folder(
        edit=replaced("modules.json", '"1_Pooling"', f'"{"a" * 300}"'), refused=r"modules\.json: path: 'aaa"
    ),
    "a vocabulary without its token for unknown words": Folder(
        edit=replaced("tokenizer.json", '"unk_token": "[UNK]"', '"unk_token": "[OTHER]"'),
        refused=r"Missing \[UNK\] token from the vocabulary .*tokenizer\.json",
    ),
    "the same behind a normalizer that keeps letters alone": Folder(
        edit=all_of(
            replaced("tokenizer.json", '"unk_token": "[UNK]"', '"unk_token": "[OTHER]"'),
            edited(
                "tokenizer.json",
                normalizer={
                    "type": "BertNormalizer",
                    "clean_text": True,
                    "handle_chinese_chars": True,
                    "lowercase": True,
                },
            ),
        ),
        refused=r"Missing \[UNK\] token from the vocabulary .*tokenizer\.json",
    ),
    "a pooling that is gone": Folder(
        edit=lambda folder: (folder / "1_Pooling" / "config.json").unlink(),
        refused=r"1_Pooling/config\.json: not there, or empty",
    ),
    "a pooling that says nothing": Folder(
        edit=written("1_Pooling/config.json", {}), refused=r"1_Pooling/config\.json: not there, or empty"
    ),
    "a folder in place of the prompts": Folder(
        edit=lambda folder: (
            (folder / "config_sentence_transformers.json").unlink(),
            (folder / "config_sentence_transformers.json").mkdir(),
        ),
        refused=r"config_sentence_transformers\.json: a folder, not a file",
    ),
    "a list of modules that is none": Folder(
        edit=written("modules.json", 7), refused=r"modules\.json: a list of modules"
    ),
    "a module that is none": Folder(
        edit=written("modules.json", ["Transformer"]), refused=r"modules\.json: 'Transformer'"
    ),
    "no module": Folder(edit=written("modules.json", []), refused=r"modules\.json: modules ; Transformer, Pooling"),
    "a Transformer alone": Folder(
        edit=lambda folder: written("modules.json", json.loads((folder / "modules.json").read_text())[:1])(folder),
        refused=r"modules\.json: modules Transformer; Transformer, Pooling",
    ),
    "a list of modules that is cut off": Folder(edit=cut("modules.json"), refused=r"modules\.json: not JSON"),
    "no list of modules": Folder(listed=False),
    "settings without a list of modules, which count for nothing": Folder(
        listed=False,
        edit=all_of(
            written(SETTINGS, {"max_seq_length": 5, "do_lower_case": True}),
            written(OPTIONS, {"prompts": {"query": "consulta: "}, "default_prompt_name": "query"}),
        ),
    ),
    "no list of modules, a decoder": Folder(backbone="llama", tokenizer="end", listed=False),
    "no list of modules, a chat model": Folder(
        backbone="llama",
        tokenizer="end",
        listed=False,
        edit=edited("tokenizer_config.json", chat_template="{{ messages }}"),
        refused="chat_template",
    ),
    "nothing at all": Folder(edit=lambda folder: shutil.rmtree(folder) or folder.mkdir(), refused=r"no modules\.json"),
    # backbones
    **{
        family: Folder(backbone=family)
        for family in ("roberta", "albert", "distilbert", "electra", "deberta", "modernbert", "mpnet", "t5")
    },
    **{family: Folder(backbone=family, alone=True, texts=FILLED) for family in ("convbert", "fnet", "nystromformer")},
    **{f"{family}, special tokens spelt out": Folder(backbone=family, texts=SPELT) for family in ("roberta", "esm")},
    "a decoder, special tokens spelt out": Folder(**DECODER | {"texts": (*SPELT[:4], *FILLED)}),
    "qwen2": Folder(**DECODER),
    "llama": Folder(**DECODER | {"backbone": "llama"}),
    "a window over the last tokens": Folder(**DECODER | {"backbone": "mistral"}),
    "gemma2": Folder(**DECODER | {"backbone": "gemma2"}),
    "gpt2": Folder(**DECODER | {"backbone": "gpt2"}),
    "ranges that are counted up while training": Folder(
        backbone="ibert",
        alone=True,
        texts=FILLED,
        edit=weights(
            lambda given: [
                given[key].fill_(-8 if "min" in key else 8) for key in given if key.endswith(("_min", "_max"))
            ]
        ),
    ),
    "a decoder's mean": Folder(**DECODER | {"pooling": "mean", "after": lambda: [Normalize()]}),
    "a decoder padded to the left": Folder(**DECODER, edit=edited("tokenizer_config.json", padding_side="left")),
    "a decoder without a padding token": Folder(**DECODER | {"tokenizer": "unpadded"}),
    "attention within chunks of a text": Folder(**DECODER | {"backbone": "llama4"}),
    "a window in the mask alone": Folder(**DECODER | {"backbone": "phimoe"}),
    "a window in both directions": Folder(backbone="embeddinggemma", texts=FILLED),
    "rotary positions that change with a long text": Folder(
        **DECODER | {"backbone": "phi3"},
        refused=r"rope_type: 'longrope', .* more than 12 tokens \(original_max_pos.*; cut texts to 12 tokens, not 24",
    ),
    "texts that are too short to change them": Folder(
        **DECODER | {"backbone": "phi3"}, edit=written(SETTINGS, {"max_seq_length": 12})
    ),
    "sparse attention that equally good tokens share": Folder(
        **DECODER | {"backbone": "deepseek"},
        refused=r"saved: index_topk: 8, with which .* beside it; cut texts to 8 tokens, not 24",
    ),
    "the same of another family": Folder(
        **DECODER | {"backbone": "doge"}, refused=r"saved: keep_window_size: 8, with which .*; cut texts to 8 tokens"
    ),
    "texts that are too short for it": Folder(
        **DECODER | {"backbone": "deepseek"}, edit=written(SETTINGS, {"max_seq_length": 8})
    ),
    "sparse attention that one short text ends": Folder(
        backbone="bigbird", refused=r"attention_type: 'block_sparse', .* set it to 'original_full' in config\.json"
    ),
    "the same without sparse attention": Folder(
        backbone="bigbird", edit=edited("config.json", attention_type="original_full")
    ),
    "a backbone that trains on texts of one length": Folder(
        backbone="reformer", refused="saved: ReformerModel gives no vectors while training: .*sequence length"
    ),
    "a backbone for texts of some lengths alone": Folder(
        edit=edited("config.json", chunk_size_feed_forward=5),
        refused="saved: BertModel gives no vectors for tokens: .*multiple of the chunk size 5",
    ),
    "encoder and decoder": Folder(backbone="bart", refused="bart is a model of encoder and decoder"),
    "no padding token nor an end": Folder(
        tokenizer="unpadded", edit=edited("tokenizer_config.json", eos_token=...), refused="no padding token"
    ),
    "no special tokens": Folder(tokenizer="bare", pooling=["mean", "lasttoken"]),
    "no special tokens, nothing to take the maximum of": Folder(tokenizer="bare", pooling="max", texts=FILLED),
    "text cut at the left": Folder(edit=edited("tokenizer_config.json", truncation_side="left")),
    "attention weights put out, too": Folder(edit=edited("config.json", output_attentions=True)),
    # weights
    "in half precision": Folder(
        edit=all_of(
            weights(lambda given: given.update({key: value.half() for key, value in given.items()})),
            edited("config.json", dtype="float16"),
        )
    ),
    "no pooler": Folder(edit=weights(lambda given: [given.pop(key) for key in list(given) if "pooler" in key])),
    "keys of another model": Folder(
        edit=weights(lambda given: [given.update({f"other.{key}": given.pop(key)}) for key in list(given)]),
        refused=r"weights do not fit its config\.json: no embeddings\.LayerNorm\.bias.* and 3\d more",
    ),
    "a weight of another size": Folder(
        edit=edited("config.json", intermediate_size=48), refused=r"intermediate\.dense\.\w+ of \(32.*\), not \(48"
    ),
    "weights that are cut off": Folder(
        edit=lambda folder: (folder / "model.safetensors").write_bytes(
            (folder / "model.safetensors").read_bytes()[:-100]
        ),
        refused=r"saved/model\.safetensors: \d+ bytes, but its header states \d+: .*get it again",
    ),
    "weights that are cut off in their header": Folder(
        edit=lambda folder: (folder / "model.safetensors").write_bytes(
            (folder / "model.safetensors").read_bytes()[:99]
        ),
        refused=r"saved/model\.safetensors: 99 bytes, but its header alone is of \d+: .*get it again",
    ),
    "what Git LFS leaves in place of weights": Folder(
        edit=lambda folder: (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1"),
        refused=r"saved/model\.safetensors: 42 bytes that are not safetensors: .*get it again",
    ),
    "a weight that is not a number": Folder(
        edit=weights(lambda given: given["embeddings.word_embeddings.weight"][90].fill_(float("nan"))),
        refused=r"saved: embeddings\.word_embeddings\.weight has values that are not numbers",
    ),
    "a weight of a Dense whose square is infinite": Folder(
        after=lambda: [dense()],
        edit=weights(lambda given: given["linear.weight"][3].fill_(-1e30), "2_Dense/model.safetensors"),
        refused=r"2_Dense/model\.safetensors: linear\.weight has values that are not numbers, or above 1e\+18",
    ),
    "vectors that are not numbers": Folder(
        edit=edited("config.json", layer_norm_eps=-1e3), refused="saved: BertModel gives vectors that are not numbers"
    ),
    "dropout of a decoder that is no probability": Folder(
        **DECODER,
        edit=edited("config.json", attention_dropout=-1),
        refused=r"config\.json: attention_dropout: -1, but a number from 0 to 1 is expected",
    ),
    "weights in several files": Folder(edit=sharded),
    "weights in several files, one of them not there": Folder(
        edit=all_of(sharded, lambda folder: sorted(folder.glob("model-*"))[2].unlink()),
        refused=r"saved/model-00003-of-\d+\.safetensors: .*get it again",
    ),
    "weights in several files, one of them outside of the folder": Folder(
        edit=elsewhere, refused=r"weight_map: '\.\./model-.*', but a file in the folder is expected"
    ),
    "an index of weights that is cut off": Folder(
        edit=all_of(sharded, cut("model.safetensors.index.json")),
        refused=r"saved/model\.safetensors\.index\.json: not JSON",
    ),
    **{
        f"{key} larger than any machine": Folder(
            edit=edited("config.json", **{key: 10**9}),
            refused=r"weights do not fit its config\.json: \d+ numbers, but it asks for \d{10,}",
        )
        for key in ("hidden_size", "vocab_size", "max_position_embeddings", "intermediate_size", "type_vocab_size")
    },
    "positions of a decoder, which no weight shows": Folder(
        **DECODER, edit=edited("config.json", max_position_embeddings=10**9)
    ),
    "positions of DeBERTa, which no weight shows": Folder(
        backbone="deberta",
        edit=edited("config.json", max_position_embeddings=10**9),
        refused=r"weights do not fit its config\.json",
    ),
    "weights as pickles alone": Folder(
        edit=lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), refused="safetensors"
    ),
    "fewer embeddings than entries": Folder(
        edit=all_of(
            weights(
                lambda given: given.update(
                    {"embeddings.word_embeddings.weight": given["embeddings.word_embeddings.weight"][:50].clone()}
                )
            ),
            edited("config.json", vocab_size=50),
        ),
        refused=r"50 word embeddings, but the tokenizer has \d+ entries",
    ),
    "an adapter": Folder(edit=written("adapter_config.json", {}), refused=r"adapter_config\.json: an adapter"),
    "no tokenizer": Folder(
        edit=all_of(
            *(
                lambda folder, name=name: (folder / name).unlink()
                for name in ("tokenizer.json", "tokenizer_config.json")
            )
        ),
        refused="saved: ",
    ),
    "a tokenizer that is cut off": Folder(edit=cut("tokenizer.json"), refused=r"saved/tokenizer\.json: not JSON"),
    "a tokenizer without a model": Folder(
        edit=edited("tokenizer.json", model=...), refused=r"saved: Model missing.* \(in .*tokenizer\.json.*get it again"
    ),
    "a tokenizer whose unknown token is no text": Folder(
        edit=edited("tokenizer_config.json", unk_token=""),
        refused=r"saved: maximum recursion depth exceeded.* \(in .*tokenizer_config\.json",
    ),
    "a tokenizer whose template names no token": Folder(
        edit=replaced("tokenizer.json", '"special_tokens": {', '"special_tokens": {}, "other": {'),
        refused=r"saved: no entry found for key \(in .*tokenizer\.json.*get it again",
    ),
    "a configuration that is cut off": Folder(edit=cut("config.json"), refused=r"saved/config\.json: not JSON"),
    "a configuration that no model can be made of": Folder(
        edit=edited("config.json", hidden_act="x"), refused=r"saved: .*\(in config\.json\); get it again"
    ),
    "architectures that are no list of names": Folder(
        listed=False,
        edit=edited("config.json", architectures={"a": 1}),
        refused=r"config\.json: architectures: \{'a': 1\}, but a list of names is expected",
    ),
    "many labels, as a classifier has them": Folder(edit=edited("config.json", num_labels=21_843)),
    "more labels than any classifier has": Folder(
        edit=edited("config.json", num_labels=10**9), refused=r"config\.json: num_labels: 1000000000, but 1000000 at"
    ),
}
HONOURED = [name for name, folder in FOLDERS.items() if not folder.refused]
REFUSED = [name for name, folder in FOLDERS.items() if folder.refused]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that makes a folder of FOLDERS once; not to be written to."""
    return cache(lambda name: FOLDERS[name].make(tmp_path_factory.mktemp("folder")))


@pytest.fixture(scope="module")
def expected(made: Callable[[str], Path]) -> Callable[[str], np.ndarray]:
    """A function that gives sentence-transformers' vectors of such a folder."""
    return cache(lambda name: FOLDERS[name].expected(made(name)))


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal to 1e-5 of the largest value, and no two texts alike but equal ones."""
    np.testing.assert_allclose(found, expected, atol=1e-5 * max(1, np.abs(expected).max()), rtol=0)
    assert np.abs(expected[0] - expected[1]).max() > 1e-2
    assert np.isfinite(expected).all()


@pytest.mark.parametrize("name", HONOURED)
def test_an_encoder_and_a_system_give_the_vectors_of_sentence_transformers(
    made: Callable[[str], Path], expected: Callable[[str], np.ndarray], name: str
) -> None:
    texts = list(FOLDERS[name].texts)
    encoder = Encoder.load(made(name))
    assert_same(encoder.encode(texts), expected(name))
    assert_same(load_system(str(made(name))).encode(texts), expected(name))
    assert encoder.dimension == expected(name).shape[1]
    saved = Saved.read(made(name))
    assert saved.pooling.width is None or saved.dimension == encoder.dimension


@pytest.mark.parametrize("name", HONOURED)
def test_what_is_saved_again_gives_them_too_by_us_and_by_sentence_transformers(
    made: Callable[[str], Path], expected: Callable[[str], np.ndarray], tmp_path: Path, name: str
) -> None:
    folder = FOLDERS[name]
    save(Encoder.load(made(name)), tmp_path / "again")
    assert_same(Encoder.load(tmp_path / "again").encode(list(folder.texts)), expected(name))
    assert_same(folder.expected(tmp_path / "again"), expected(name))


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_honoured_is_refused_by_file_and_key_at_each_entrance(
    made: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    folder, message = made(name), FOLDERS[name].refused
    for enter in (Encoder.load, lambda folder: load_system(str(folder))):
        with pytest.raises(ModelError, match=message) as refused:
            enter(folder)
        assert str(folder) in str(refused.value) or "default_prompt_name" in str(refused.value)
    with pytest.raises(ModelError, match=message):
        onnx_export.write(folder, tmp_path / "graph")
    assert list(tmp_path.iterdir()) == []


# each a different way through the export; the others are slow
QUICK = (
    "three at once in an order of their own",
    "mean without the prompt's tokens",
    "five modules",
    "qwen2",
    "t5",
    "fnet",
)


# vectors of the first four depend on padding; the exporter of TorchScript lacks an operation of the others
NOT_EXPORTED = ("convbert", "fnet", "ibert", "nystromformer", "deepseek", "llama4", "phi3", "phimoe", "embeddinggemma")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in HONOURED]
)
def test_onnx_gives_them_too_or_says_why_not(
    made: Callable[[str], Path], expected: Callable[[str], np.ndarray], tmp_path: Path, name: str
) -> None:
    folder = FOLDERS[name]
    try:
        onnx_export.write(made(name), tmp_path / "graph")
    except ModelError as error:
        assert folder.backbone in NOT_EXPORTED, error
        assert str(made(name)) in str(error)
        return
    assert folder.backbone not in NOT_EXPORTED
    assert_same(OnnxEncoder.load(tmp_path / "graph").encode(list(folder.texts)), expected(name))
