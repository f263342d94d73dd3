"""Folders as sentence-transformers saves them, of very small backbones of many families, and edits of their files."""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn
from transformers import (
    AlbertConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    BartConfig,
    BertConfig,
    BigBirdConfig,
    ConvBertConfig,
    DebertaV2Config,
    DeepseekV32Config,
    DistilBertConfig,
    DogeConfig,
    ElectraConfig,
    EsmConfig,
    FNetConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    IBertConfig,
    Llama4TextConfig,
    LlamaConfig,
    MistralConfig,
    ModernBertConfig,
    MPNetConfig,
    NystromformerConfig,
    Phi3Config,
    PhimoeConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    ReformerConfig,
    RobertaConfig,
    T5Config,
)

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
    "bigbird": lambda: BigBirdConfig(**SHAPE, block_size=1, num_random_blocks=1),
    "convbert": lambda: ConvBertConfig(**SHAPE, embedding_size=16),
    "deberta": lambda: DebertaV2Config(**SHAPE, relative_attention=True, pos_att_type=["c2p", "p2c"]),
    "deepseek": lambda: DeepseekV32Config(
        **SHAPE | {"num_key_value_heads": 2, "head_dim": 4},
        q_lora_rank=8,
        kv_lora_rank=8,
        qk_rope_head_dim=4,
        qk_nope_head_dim=8,
        v_head_dim=8,
        index_topk=8,
        index_n_heads=2,
        index_head_dim=8,
        first_k_dense_replace=2,
    ),
    "distilbert": lambda: DistilBertConfig(
        vocab_size=96, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=40
    ),
    "doge": lambda: DogeConfig(**FEW, keep_window_size=8),
    "electra": lambda: ElectraConfig(**SHAPE, embedding_size=8),
    "esm": lambda: EsmConfig(
        **SHAPE, mask_token_id=4, token_dropout=True, position_embedding_type="absolute", emb_layer_norm_before=True
    ),
    "fnet": lambda: FNetConfig(**{key: value for key, value in SHAPE.items() if key != "num_attention_heads"}),
    "embeddinggemma": lambda: Gemma3TextConfig(
        **FEW, query_pre_attn_scalar=8, sliding_window=12, use_bidirectional_attention=True
    ),
    "gemma2": lambda: Gemma2Config(**FEW, query_pre_attn_scalar=8, sliding_window=6),
    "gpt2": lambda: GPT2Config(vocab_size=96, n_embd=16, n_layer=2, n_head=2, n_positions=40),
    "ibert": lambda: IBertConfig(**SHAPE, quant_mode=True),
    "llama": lambda: LlamaConfig(**FEW),
    "llama4": lambda: Llama4TextConfig(
        **FEW, intermediate_size_mlp=32, num_local_experts=2, num_experts_per_tok=1, attention_chunk_size=6
    ),
    "mistral": lambda: MistralConfig(**FEW, sliding_window=6),
    "modernbert": lambda: ModernBertConfig(
        **SHAPE, local_attention=6, global_attn_every_n_layers=2, cls_token_id=2, sep_token_id=3
    ),
    "mpnet": lambda: MPNetConfig(**SHAPE | {"pad_token_id": 1}),
    "nystromformer": lambda: NystromformerConfig(**SHAPE),
    "phi3": lambda: Phi3Config(
        **FEW,
        original_max_position_embeddings=12,
        rope_scaling={"rope_type": "longrope", "short_factor": [1.0] * 4, "long_factor": [4.0] * 4},
    ),
    "phimoe": lambda: PhimoeConfig(**FEW, num_local_experts=2, num_experts_per_tok=1, sliding_window=6),
    "qwen2": lambda: Qwen2Config(**FEW),
    "reformer": lambda: ReformerConfig(
        vocab_size=96,
        hidden_size=16,
        attention_head_size=8,
        num_attention_heads=2,
        feed_forward_size=32,
        attn_layers=["local", "local"],
        axial_pos_shape=[5, 8],
        axial_pos_embds_dim=[8, 8],
        max_position_embeddings=40,
        is_decoder=False,
        pad_token_id=0,
    ),
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
        with warnings.catch_warnings(action="ignore"):  # torch's, of a softmax without a dimension
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
