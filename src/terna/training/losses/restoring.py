"""The loss of raw text of which words were deleted: a decoder is to restore the text from its sentence vector alone."""

import inspect
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, PreTrainedModel

from terna.errors import ModelError
from terna.training.losses.vectors import at_least_float32

# what stands after the last token of a text
END = -1
REMEDY = "choose train.loss.texts=simcse"


class Decoder(nn.Module):
    """A language model that attends to a sentence vector, and shares all weights that it can with `backbone`.

    What is its own, the attention to the vector and the head that predicts tokens, starts from random weights, a
    function of the seed. It is trained beside the encoder and is no part of it. dimension: of a sentence vector.
    padding: the id of a token that stands for none. Raises ModelError for a backbone that makes no such decoder, and
    for one whose token vectors are of another width than the sentence vector.

    Source: Wang, Reimers and Gurevych, TSDAE: Using Transformer-based Sequential Denoising Auto-Encoder for
    Unsupervised Sentence Embedding Learning, 2021, section 3.
    """

    def __init__(self, backbone: PreTrainedModel, *, dimension: int, padding: int, seed: int) -> None:
        super().__init__()
        if dimension != backbone.config.hidden_size:
            raise ModelError(
                f"train.loss.texts: tsdae attends to a vector of {backbone.config.hidden_size} numbers, the width of "
                f"the backbone, and a sentence vector has {dimension}; {REMEDY}, or set model.dense to null"
            )
        self.padding = padding
        self.model = _model(backbone, seed)
        _tie(self.model, backbone)
        shared = set(backbone.parameters())
        self.own = [parameter for parameter in self.model.parameters() if parameter not in shared]

    def forward(self, vectors: Tensor, whole: Tensor) -> tuple[Tensor, int]:
        """The sum of the cross-entropies of all tokens but the first of each text, and how many tokens these are.

        vectors: (B, d). whole: (B, longest) int64, the tokens of each text, and END after them. Each token is predicted
        from the vector and from those before it. The sum is in float32 or better.
        """
        given, wanted = whole[:, :-1], whole[:, 1:]
        logits = self.model(
            input_ids=given.masked_fill(given == END, self.padding),
            encoder_hidden_states=vectors[:, None],
            encoder_attention_mask=torch.ones_like(whole[:, :1]),
            use_cache=False,
        ).logits
        with torch.autocast(vectors.device.type, enabled=False):
            scores = at_least_float32(logits.flatten(0, 1))
            loss = cross_entropy(scores, wanted.flatten(), ignore_index=END, reduction="sum")
        return loss, int((wanted != END).sum())


def _model(backbone: PreTrainedModel, seed: int) -> PreTrainedModel:
    """The decoder of the backbone's kind, none of its weights shared."""
    config = deepcopy(backbone.config)
    config.is_decoder = config.add_cross_attention = True
    kind = "sdpa" if backbone._supports_sdpa else "eager"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            made = AutoModelForCausalLM.from_config(config, attn_implementation=kind)  # type: ignore[no-untyped-call]
        except ValueError as error:  # a kind that has no language model
            raise _unfit(backbone) from error
    if "encoder_hidden_states" not in inspect.signature(made.forward).parameters:
        raise _unfit(backbone)
    model: PreTrainedModel = made.to(backbone.dtype).train()
    return model


def _tie(model: PreTrainedModel, backbone: PreTrainedModel) -> None:
    """Let the model have the backbone's parameters in place of its own of the same name, its output embeddings too."""
    inner = getattr(model, model.base_model_prefix)
    output = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    tied = output.weight is model.get_input_embeddings().weight
    names = {name for name, _ in inner.named_parameters()}
    for name, parameter in backbone.named_parameters():
        if name.startswith("pooler."):  # beside the path to the vectors
            continue
        if name not in names or inner.get_parameter(name).shape != parameter.shape:
            raise _unfit(backbone)
        holder, _, own = name.rpartition(".")
        setattr(inner.get_submodule(holder), own, parameter)
    if tied:
        output.weight = backbone.get_input_embeddings().weight


def _unfit(backbone: PreTrainedModel) -> ModelError:
    return ModelError(
        f"train.loss.texts: tsdae needs a decoder of the backbone's kind that attends to a vector, and transformers "
        f"makes none of {type(backbone).__name__}; {REMEDY}, or a backbone such as BERT, RoBERTa or XLM-RoBERTa"
    )
