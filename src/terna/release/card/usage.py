"""How to use the encoder: with sentence-transformers, and with transformers alone.

Both programs run as they are printed and give the vectors that were scored.
"""

import json

from terna.markdown import fenced
from terna.settings import Dense, Model

SENTENCES = 'sentences = ["El tren de las ocho llega tarde.", "Hoy se retrasa el tren que sale a las ocho."]'

POOLING = {
    "mean": """\
def mean_pooling(tokens, mask):
    # padding weighs nothing, so that a sentence has the same vector alone and in company
    weights = mask.unsqueeze(-1).to(tokens.dtype)
    return (tokens * weights).sum(1) / weights.sum(1).clamp(min=1e-9)""",
    "cls": """\
def cls_pooling(tokens, mask):
    # the first token's vector stands for the sentence
    return tokens[:, 0]""",
    "max": """\
def max_pooling(tokens, mask):
    # padding gets the least value there is, so that it is never the largest
    return tokens.masked_fill(mask.unsqueeze(-1) == 0, torch.finfo(tokens.dtype).min).amax(1)""",
}
POOLED = {"mean": "the mean of its tokens' vectors", "cls": "its first token's vector", "max": "its tokens' maxima"}

IMPORTS = """\
import torch
from transformers import AutoModel, AutoTokenizer"""

IMPORTS_DENSE = """\
import os

import torch
from huggingface_hub import snapshot_download
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer"""

RUN = """\
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModel.from_pretrained(folder)

encoded = tokenizer(sentences, padding=True, truncation=True, return_tensors="pt")
with torch.no_grad():
    tokens = model(**encoded).last_hidden_state
sentence_embeddings = {pooling}_pooling(tokens, encoded["attention_mask"])"""

DENSE = """\
dense = load_file(os.path.join(folder, "2_Dense", "model.safetensors"))
linear = torch.nn.functional.linear(sentence_embeddings, dense["linear.weight"], dense["linear.bias"])
sentence_embeddings = {activated}"""
ACTIVATED = {"tanh": "torch.tanh(linear)", "identity": "linear"}


def with_sentence_transformers(repo: str) -> str:
    """The section for sentence-transformers."""
    lines = (
        "from sentence_transformers import SentenceTransformer",
        "",
        SENTENCES,
        "",
        f"model = SentenceTransformer({_quoted(repo)})",
        "embeddings = model.encode(sentences)",
        "print(embeddings)",
    )
    return "\n\n".join(
        [
            "## Usage (Sentence-Transformers)",
            "One package does everything:",
            fenced("pip install -U sentence-transformers"),
            "The name may be one on the hub or a folder:",
            fenced("\n".join(lines), "python"),
        ]
    )


def with_transformers(model: Model, repo: str) -> str:
    """The section for transformers alone: tokenizer, backbone, pooling and head one by one."""
    head = ", then the Dense head" if model.dense else ""
    text = (
        f"The same vectors without sentence-transformers: a sentence is cut at {model.max_length} tokens, goes through "
        f"the transformer, and becomes {POOLED[model.pooling]}{head}."
    )
    return "\n\n".join(
        ["## Usage (HuggingFace Transformers)", text, fenced(_program(model.pooling, model.dense, repo), "python")]
    )


def _program(pooling: str, dense: Dense | None, repo: str) -> str:
    run = RUN.format(pooling=pooling)
    if dense is None:
        imports, start = IMPORTS, f"folder = {_quoted(repo)}"
    else:
        # the head is no part of what AutoModel loads: its file must be on this disk
        imports = IMPORTS_DENSE
        start = f"name = {_quoted(repo)}\nfolder = name if os.path.isdir(name) else snapshot_download(name)"
        run = f"{run}\n\n{DENSE.format(activated=ACTIVATED[dense.activation])}"
    return f"{imports}\n\n\n{POOLING[pooling]}\n\n\n{SENTENCES}\n\n{start}\n{run}\nprint(sentence_embeddings)"


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)
