"""Folders of every kind that sentence-transformers reads: its vectors by three entrances, or a refusal by file and key.

Each row of FOLDERS is a folder that sentence-transformers itself saved, and what is then edited by hand.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Dropout, LayerNorm, Pooling
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn
from transformers import (
    AlbertConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    BartConfig,
    BertConfig,
    ConvBertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    FNetConfig,
    Gemma2Config,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    ModernBertConfig,
    MPNetConfig,
    NystromformerConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    RobertaConfig,
    T5Config,
)

from terna.encoder import Encoder, save
from terna.errors import ModelError
from terna.serving import onnx_export
from terna.systems import load_system
from terna.systems.onnx_runtime import OnnxEncoder

WORDS = "el perro duerme la panadera abrió tienda antes del alba y encendió horno con leña de encina consulta : ."
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LONGEST = 24
TEXTS = [
    "El perro duerme.",
    "LA PANADERA abrió la tienda antes del alba y encendió el horno con leña de encina. " * 3,
    "horno",
    "la leña de encina",
    "El perro duerme.",
    "  perro\t",
    "",
]
SHAPE = {
    "vocab_size": 96,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 3,
}
FEW = {**SHAPE, "num_key_value_heads": 1, "head_dim": 8}
FAMILIES: dict[str, Callable[[], PreTrainedConfig]] = {
    "albert": lambda: AlbertConfig(**SHAPE, embedding_size=8),
    "bart": lambda: BartConfig(
        **{key: SHAPE[key] for key in ("vocab_size", "max_position_embeddings", "pad_token_id")},
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
    ),
    "bert": lambda: BertConfig(**SHAPE),
    "convbert": lambda: ConvBertConfig(**SHAPE, embedding_size=16),
    "deberta": lambda: DebertaV2Config(**SHAPE, relative_attention=True, pos_att_type=["c2p", "p2c"]),
    "distilbert": lambda: DistilBertConfig(
        vocab_size=96, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=40
    ),
    "electra": lambda: ElectraConfig(**SHAPE, embedding_size=8),
    "fnet": lambda: FNetConfig(**{key: value for key, value in SHAPE.items() if key != "num_attention_heads"}),
    "gemma2": lambda: Gemma2Config(**FEW, query_pre_attn_scalar=8, sliding_window=6),
    "gpt2": lambda: GPT2Config(vocab_size=96, n_embd=16, n_layer=2, n_head=2, n_positions=40),
    "llama": lambda: LlamaConfig(**FEW),
    "mistral": lambda: MistralConfig(**FEW, sliding_window=6),
    "modernbert": lambda: ModernBertConfig(
        **SHAPE, local_attention=6, global_attn_every_n_layers=2, cls_token_id=2, sep_token_id=3
    ),
    "mpnet": lambda: MPNetConfig(**SHAPE | {"pad_token_id": 1}),
    "nystromformer": lambda: NystromformerConfig(**SHAPE),
    "qwen2": lambda: Qwen2Config(**FEW),
    "roberta": lambda: RobertaConfig(**SHAPE),
    "t5": lambda: T5Config(vocab_size=96, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, pad_token_id=0),
}


def tokenizer_of(kind: str) -> PreTrainedTokenizerFast:
    """`wordpiece` with [CLS] and [SEP]; `end` with [SEP] alone; `bare` with neither; `unpadded` without [PAD] too."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)] + list("áéíóúñ")
    pieces = dict.fromkeys([*SPECIAL, *WORDS.split(), *letters, *(f"##{letter}" for letter in letters[:26])])
    made = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.Sequence([normalizers.NFC()])
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if kind in ("wordpiece", "end"):
        first = "[CLS] " if kind == "wordpiece" else ""
        made.post_processor = processors.TemplateProcessing(
            single=f"{first}$A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    names = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    padding = {} if kind == "unpadded" else {"pad_token": "[PAD]"}
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="[SEP]", **names, **padding)


def transformers_folder(backbone: str, tokenizer: str, folder: Path) -> Path:
    """A backbone from random weights, large enough to tell vectors apart, and its tokenizer."""
    torch.manual_seed(5)
    config = FAMILIES[backbone]()
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModel
    model = (AutoModelForCausalLM if backbone in ("llama",) else kind).from_config(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1 and "norm" not in name.lower():
                weight.mul_(8)
    model.save_pretrained(folder)
    tokenizer_of(tokenizer).save_pretrained(folder)
    return folder


@dataclass(frozen=True)
class Folder:
    """How a folder is made, and by which file and key it is refused, if it is.

    after: makes the modules that follow pooling. options: of SentenceTransformer. listed: false for a transformers
    folder without modules.json. edit: changes the folder by hand. alone: sentence-transformers encodes text by text,
    since otherwise its vectors depend on the company. texts: that are not TEXTS.
    """

    backbone: str = "bert"
    tokenizer: str = "wordpiece"
    pooling: Any = "mean"
    include_prompt: bool = True
    after: Callable[[], list[nn.Module]] = list
    options: dict[str, Any] = field(default_factory=dict)
    listed: bool = True
    edit: Callable[[Path], object] = lambda folder: None
    refused: str = ""
    alone: bool = False
    texts: tuple[str, ...] = tuple(TEXTS)

    def make(self, folder: Path) -> Path:
        """Write it."""
        torch.manual_seed(3)
        plain = transformers_folder(self.backbone, self.tokenizer, folder / ("whole" if self.listed else "plain"))
        if not self.listed:
            self.edit(plain)
            return plain
        transformer = Transformer(str(plain), max_seq_length=LONGEST)
        pooling = Pooling(transformer.get_embedding_dimension(), self.pooling, include_prompt=self.include_prompt)
        model = SentenceTransformer(modules=[transformer, pooling, *self.after()], device="cpu", **self.options)
        model.save(str(folder / "saved"), create_model_card=False)
        self.edit(folder / "saved")
        return folder / "saved"

    def expected(self, folder: Path) -> np.ndarray:
        """The vectors of sentence-transformers."""
        model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": "float32"})
        if model.tokenizer.pad_token is None:
            model.tokenizer.pad_token = model.tokenizer.eos_token
        found: np.ndarray = model.encode(list(self.texts), batch_size=1 if self.alone else 32)
        return found


def edited(path: str, **changes: Any) -> Callable[[Path], None]:
    """Sets keys of a JSON file; those set to ... are removed."""

    def edit(folder: Path) -> None:
        file = folder / path
        settings = {**(json.loads(file.read_text()) if file.is_file() else {}), **changes}
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({key: value for key, value in settings.items() if value is not ...}))

    return edit


def written(path: str, content: Any) -> Callable[[Path], None]:
    """Writes a JSON file in place of what was there."""
    return lambda folder: (folder / path).write_text(json.dumps(content))


def replaced(path: str, old: str, new: str) -> Callable[[Path], None]:
    """Replaces a text in a file."""
    return lambda folder: (folder / path).write_text((folder / path).read_text().replace(old, new))


def weights(
    change: Callable[[dict[str, torch.Tensor]], object], path: str = "model.safetensors"
) -> Callable[[Path], None]:
    """Changes the tensors of a safetensors file in place."""

    def edit(folder: Path) -> None:
        tensors = load_file(folder / path)
        change(tensors)
        save_file(tensors, folder / path, metadata={"format": "pt"})

    return edit


def cut(path: str) -> Callable[[Path], object]:
    """Keeps the first half of a file."""
    return lambda folder: (folder / path).write_bytes(
        (folder / path).read_bytes()[: (folder / path).stat().st_size // 2]
    )


def all_of(*edits: Callable[[Path], object]) -> Callable[[Path], None]:
    """Several edits, in their order."""
    return lambda folder: [edit(folder) for edit in edits] and None


def old_types(folder: Path) -> None:
    """The names of modules in versions 2 to 5."""
    modules = json.loads((folder / "modules.json").read_text())
    for module in modules:
        module["type"] = f"sentence_transformers.models.{module['type'].rsplit('.', 1)[-1]}"
    (folder / "modules.json").write_text(json.dumps(modules))


def old_layout(folder: Path) -> None:
    """The transformer in a folder of its own, as version 1 had it, and nothing but old keys."""
    (folder / "0_Transformer").mkdir()
    for file in [each for each in folder.iterdir() if each.is_file() and each.name != "modules.json"]:
        file.rename(folder / "0_Transformer" / file.name)
    replaced("modules.json", '"path": ""', '"path": "0_Transformer"')(folder)
    old_types(folder)
    written("0_Transformer/sentence_bert_config.json", {"max_seq_length": 20})(folder)
    (folder / "0_Transformer" / "config_sentence_transformers.json").unlink()


def booleans(**given: bool) -> Callable[[Path], None]:
    """Pooling in its older form."""
    keys = {f"pooling_mode_{key}": value for key, value in given.items()}
    return written("1_Pooling/config.json", {"word_embedding_dimension": 16, **keys})


SETTINGS = "sentence_bert_config.json"
OPTIONS = "config_sentence_transformers.json"
PROMPTS: dict[str, Any] = {"prompts": {"query": "consulta: ", "none": ""}, "default_prompt_name": "query"}
FILLED = tuple(text for text in TEXTS if text)
DECODER: dict[str, Any] = {"backbone": "qwen2", "tokenizer": "bare", "pooling": "lasttoken", "texts": FILLED}


def dense(width: int = 16, function: nn.Module | None = None, **more: Any) -> Dense:
    return Dense(width, 12, activation_function=function or nn.Tanh(), **more)


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
    "Dense with Softmax": Folder(
        after=lambda: [dense()],
        edit=edited("2_Dense/config.json", activation_function="torch.nn.Softplus"),
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
    "Dense without safetensors": Folder(
        after=lambda: [dense()],
        edit=lambda folder: (folder / "2_Dense" / "model.safetensors").unlink(),
        refused=r"2_Dense/model\.safetensors: not there; save",
    ),
    "Dense with a file that is cut off": Folder(
        after=lambda: [dense()], edit=cut("2_Dense/model.safetensors"), refused=r"2_Dense/model\.safetensors: "
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
    "version 1": Folder(edit=old_layout),
    "versions 2 to 5": Folder(after=lambda: [dense(), Normalize()], edit=old_types),
    "more tokens than positions": Folder(
        edit=written(SETTINGS, {"max_seq_length": 41}), refused="max_seq_length 41, but 40 positions"
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
    "a module outside of the folder": Folder(
        edit=replaced("modules.json", '"1_Pooling"', '"../1_Pooling"'), refused=r"modules\.json: path: '\.\./1_Pooling'"
    ),
    "a list of modules that is cut off": Folder(edit=cut("modules.json"), refused=r"modules\.json: not JSON"),
    "no list of modules": Folder(listed=False),
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
    "qwen2": Folder(**DECODER),
    "llama": Folder(**DECODER | {"backbone": "llama"}),
    "a window over the last tokens": Folder(**DECODER | {"backbone": "mistral"}),
    "gemma2": Folder(**DECODER | {"backbone": "gemma2"}),
    "gpt2": Folder(**DECODER | {"backbone": "gpt2"}),
    "a decoder's mean": Folder(**DECODER | {"pooling": "mean", "after": lambda: [Normalize()]}),
    "a decoder padded to the left": Folder(**DECODER, edit=edited("tokenizer_config.json", padding_side="left")),
    "a decoder without a padding token": Folder(**DECODER | {"tokenizer": "unpadded"}),
    "encoder and decoder": Folder(backbone="bart", refused="bart is a model of encoder and decoder"),
    "no padding token nor an end": Folder(
        tokenizer="unpadded", edit=edited("tokenizer_config.json", eos_token=...), refused="no padding token"
    ),
    "no special tokens": Folder(tokenizer="bare", pooling=["mean", "lasttoken"]),
    "no special tokens, nothing to take the maximum of": Folder(tokenizer="bare", pooling="max", texts=FILLED),
    "text cut at the left": Folder(edit=edited("tokenizer_config.json", truncation_side="left")),
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
    "weights that are cut off": Folder(edit=cut("model.safetensors"), refused="saved: .*deserializing header"),
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
    "a tokenizer that is cut off": Folder(edit=cut("tokenizer.json"), refused="saved: "),
    "a configuration that is cut off": Folder(edit=cut("config.json"), refused="saved: "),
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


NOT_EXPORTED = ("convbert", "fnet", "nystromformer")
