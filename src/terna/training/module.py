"""The LightningModule: packed sentences in, the loss of their kind out, AdamW under a warmup-linear schedule."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.parallel import DistributedDataParallel

from terna.encoder import Batch, Encoder
from terna.errors import ModelError
from terna.settings import Distill, Guide, Train
from terna.training.losses.classes import classifier, softmax_loss
from terna.training.losses.guide import contrasted, either, guided
from terna.training.losses.own import own_losses
from terna.training.losses.ranking import ranking_loss
from terna.training.losses.restoring import Decoder
from terna.training.losses.scores import angle_loss, cosent_loss
from terna.training.optimizer import parameter_groups, warmup_linear
from terna.training.parts.pairs import ClassedBatch, ScoredBatch
from terna.training.parts.taught import TaughtBatch
from terna.training.parts.texts import NoisyBatch, TextBatch
from terna.training.regularization import DistanceToStart
from terna.training.sharding import shard
from terna.training.similarities import similarity_loss

ORDERED = {"cosent": cosent_loss, "angle": angle_loss}


class TrainingModule(LightningModule):
    """Trains `encoder` for exactly so many optimizer steps; dropout in step s is a function of (seed, s, process).

    steps: of each phase, see `phases`. classes: of the pairs that have one, for which a
    classifier is trained beside the encoder; 0: there are none. texts: there is raw text, for which train.loss.texts
    may train a decoder beside the encoder. Raises SettingsError when a loss of one's own cannot be imported or called,
    ModelError when the backbone makes no decoder.
    """

    def __init__(
        self, encoder: Encoder, train: Train, steps: Sequence[int], seed: int, classes: int = 0, *, texts: bool = False
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.settings = train
        self.steps = steps
        self.seed = seed
        self.distance = DistanceToStart(encoder) if train.l2_sp else None
        self.own = own_losses(train)
        self.classifier: nn.Linear | None = None
        if classes and train.loss.classed == "softmax":
            weights = next(encoder.parameters())
            self.classifier = classifier(encoder.dimension, classes, seed).to(weights.device, weights.dtype)
        self.decoder: Decoder | None = None
        if texts and train.loss.texts == "tsdae":
            padding = cast(int, encoder.tokenizer.pad_token_id)
            self.decoder = Decoder(encoder.backbone, dimension=encoder.dimension, padding=padding, seed=seed)
        if self.beside:
            # a batch of another kind gives them no gradient, which DDP would wait for: the classifier's is whole in
            # each process, the decoder's is averaged by on_after_backward
            named, own = self.named_parameters(remove_duplicate=False), set(self.beside)
            names = [name for name, parameter in named if parameter in own]
            DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(self, names)  # type: ignore[no-untyped-call]

    def configure_model(self) -> None:
        """Shard the encoder over the processes, with machine.sharded."""
        if self.device_mesh is not None:
            shard(self.encoder, self.device_mesh["data_parallel"], self.trainer.strategy)

    @property
    def beside(self) -> list[nn.Parameter]:
        """What is trained beside the encoder and does not ship."""
        return [*(self.classifier.parameters() if self.classifier else ()), *(self.decoder.own if self.decoder else ())]

    def training_step(self, batch: tuple[Batch, *tuple[Any, ...]], _: int) -> Tensor:
        """The loss of one batch, by its kind: of its sentences' vectors and what else is in it; see parts."""
        # not one stream over all steps: so a resumed run draws what it would have drawn
        draw = np.random.SeedSequence([self.seed, self.global_step, self.global_rank])
        torch.manual_seed(int(draw.generate_state(1, np.uint64)[0]))
        sentences, *given = batch
        of_kind: dict[type, Callable[..., Tensor]] = {
            ScoredBatch: self.scored_loss,
            ClassedBatch: self.classed_loss,
            TextBatch: self.text_loss,
            NoisyBatch: self.noisy_loss,
            TaughtBatch: self.taught_loss,
        }
        loss = of_kind.get(type(batch), self.loss)(self.encoder(sentences), *given)
        if self.distance:
            loss = loss + self.settings.l2_sp * self.distance()
        self.log("loss", loss, prog_bar=True, logger=False)
        return loss

    def on_after_backward(self) -> None:
        """Average the gradients of the decoder over the processes."""
        learnt = [parameter for parameter in (self.decoder.own if self.decoder else ()) if parameter.grad is not None]
        for parameter in learnt if self.trainer.world_size > 1 else ():
            parameter.grad = cast(Tensor, self.trainer.strategy.reduce(parameter.grad, reduce_op="mean"))

    def loss(
        self,
        vectors: Tensor,
        known: Tensor | None = None,
        known_anchors: Tensor | None = None,
        teacher: Tensor | None = None,
        columns: int = 3,
    ) -> Tensor:
        """The loss of this process's anchors, positives and negatives, which lie one after another (columns B, d).

        With `train.gather` they are ranked among the texts of all processes, through which the gradient flows too.
        teacher: (columns B, e), with whose similarities theirs are compared besides, see `similarity_loss`, and which
        guide what is ranked, see `guided`.
        """
        return self.ranked("tuples", vectors, known, known_anchors, teacher, columns)

    def text_loss(
        self, vectors: Tensor, known: Tensor | None, known_anchors: Tensor | None, teacher: Tensor | None, columns: int
    ) -> Tensor:
        """The loss of texts that are their own positives, as `loss`: their vectors under two draws of dropout.

        Source: Gao, Yao and Chen, SimCSE: Simple Contrastive Learning of Sentence Embeddings, 2021, section 3.
        """
        return self.ranked("texts", vectors, known, known_anchors, teacher, columns)

    def ranked(
        self,
        shape: str,
        vectors: Tensor,
        known: Tensor | None,
        known_anchors: Tensor | None,
        teacher: Tensor | None,
        columns: int,
    ) -> Tensor:
        """The loss that train.loss has for a shape whose examples are ranked; see `loss`."""
        own, options, guide = vectors.chunk(columns), self.settings, self.settings.guide
        every, offset = self.gathered(*own)
        if guide and teacher is not None:
            mask, mask_of_anchors = self.guided(teacher.chunk(columns), guide)
            known, known_anchors = either(known, mask), either(known_anchors, mask_of_anchors)
        if shape in self.own:
            ranked = self.own[shape](every, None, options.matryoshka)
        else:
            ranked = ranking_loss(
                own[0],
                *every[1:],
                scale=options.scale,
                symmetric=options.symmetric,
                known=known,
                known_anchors=known_anchors,
                offset=offset,
                all_anchors=every[0],
                contrast=contrasted(guide),
                dimensions=options.matryoshka,
            )
        return self.with_similarities(ranked, vectors, teacher)

    def guided(self, own: Sequence[Tensor], guide: Guide) -> tuple[Tensor, Tensor]:
        """What the guide, by its vectors of this process's texts, takes for no wrong answer: see `guided`."""
        every, offset = self.gathered(*own)
        return guided(
            own[0],
            *every[1:],
            offset=offset,
            all_anchors=every[0],
            margin=guide.margin,
            relative=guide.relative,
            contrast=contrasted(guide),
        )

    def gathered(self, *own: Tensor) -> tuple[list[Tensor], int]:
        """Each tensor with the rows of all processes, and the row from which on the own ones lie in the first."""
        if not self.settings.gather or self.trainer.world_size == 1:
            return [*own], 0
        return self.of_all(*own), self.global_rank * len(own[0])

    def of_all(self, *own: Tensor) -> list[Tensor]:
        """Each tensor with the rows of all processes, whatever `train.gather` says."""
        if self.trainer.world_size == 1:
            return [*own]
        return [cast(Tensor, self.all_gather(each, sync_grads=True)).flatten(0, 1) for each in own]

    def similarities(self, vectors: Tensor, wanted: Tensor) -> Tensor:
        """How far the cosines between this process's vectors and all are from a teacher's: see `similarity_loss`."""
        (every, every_wanted), offset = self.gathered(vectors, wanted)
        return similarity_loss(vectors, wanted, every, every_wanted, offset)

    def with_similarities(self, loss: Tensor, vectors: Tensor, teacher: Tensor | None) -> Tensor:
        """A batch's loss, and by its weight that of train.similarity_distillation, where a teacher is given."""
        asked = self.settings.similarity_distillation
        return loss if teacher is None or asked is None else loss + asked.weight * self.similarities(vectors, teacher)

    def scored_loss(self, vectors: Tensor, scores: Tensor, teacher: Tensor | None = None) -> Tensor:
        """The loss of this process's scored pairs, first sentences and then second ones (2 B, d), with scores (B,).

        With `train.gather` the pairs of all processes are compared, and each process has the loss of all. teacher:
        (2 B, e), as in `loss`.
        """
        options, (given, _) = self.settings, self.gathered(*vectors.chunk(2), scores)
        if "scored" in self.own:
            compared = self.own["scored"](given[:2], given[2], options.matryoshka)
        else:
            ordered = ORDERED[options.loss.scored]
            compared = ordered(*given, scale=options.cosent_scale, dimensions=options.matryoshka)
        return self.with_similarities(compared, vectors, teacher)

    def classed_loss(self, vectors: Tensor, classes: Tensor, teacher: Tensor | None = None) -> Tensor:
        """The loss of this process's pairs with a class, first sentences and then second ones (2 B, d), classes (B,).

        Each process has the loss of all pairs: of one's own loss with `train.gather` alone. teacher: as in `loss`.
        """
        columns = *vectors.chunk(2), classes
        if "classed" in self.own:
            given, _ = self.gathered(*columns)
            learnt = self.own["classed"](given[:2], given[2], self.settings.matryoshka)
        else:
            first, second, every = self.of_all(*columns)
            learnt = softmax_loss(first, second, every, cast(nn.Linear, self.classifier))
        return self.with_similarities(learnt, vectors, teacher)

    def noisy_loss(self, vectors: Tensor, whole: Tensor, teacher: Tensor | None = None) -> Tensor:
        """How well the whole texts (see NoisyBatch) are restored from the vectors (B, d) of what is left of them.

        It is the mean over the tokens of all processes, of which each has its share, times their number. teacher:
        (B, e), as in `loss`.
        """
        loss, count = cast(Decoder, self.decoder)(vectors, whole)
        every = self.trainer.strategy.reduce(torch.tensor(count, device=loss.device), reduce_op="sum")
        return self.with_similarities(loss * self.trainer.world_size / every, vectors, teacher)

    def taught_loss(self, vectors: Tensor, wanted: Tensor) -> Tensor:
        """How far vectors (m n, d) and their cosines are from the wanted ones, the teacher's (n, e) m times."""
        asked, losses = cast(Distill, self.settings.distill), []
        teacher = wanted.repeat(len(vectors) // len(wanted), 1)
        if asked.vectors:
            losses.append(asked.vectors * self._distance(vectors, teacher))
        if asked.similarities:
            losses.append(asked.similarities * self.similarities(vectors, teacher))
        return torch.stack(losses).sum()

    def _distance(self, vectors: Tensor, wanted: Tensor) -> Tensor:
        """The mean over sentences of the squared distance; ModelError when the widths differ.

        Source: Reimers and Gurevych, Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation,
        2020; with `unit` of vectors of length 1.
        """
        if vectors.shape[1] != wanted.shape[1]:
            raise ModelError(
                f"train.distill.teacher: its vectors have {wanted.shape[1]} dimensions, the student's "
                f"{vectors.shape[1]}; give the student a head, model.dense.out_features={wanted.shape[1]}, or set "
                "train.distill.vectors to 0 and learn similarities alone"
            )
        if self.settings.distill and self.settings.distill.unit:
            vectors, wanted = normalize(vectors), normalize(wanted)
        return (vectors - wanted).pow(2).sum(1).mean()

    def configure_optimizers(self) -> Any:
        """AdamW with decay on matrices alone, and a rate that climbs over the warm-up, then falls to 0 at the end."""
        options = self.settings
        groups = parameter_groups(
            self.encoder, options.weight_decay, lr=options.lr, layer_decay=options.layer_decay, beside=self.beside
        )
        # the fused kernel would unscale fp16's gradients itself, after clipping: Lightning clips none of its in mixed
        # precision, bf16's neither
        fused = not options.precision.endswith("-mixed")
        optimizer = torch.optim.AdamW(groups, eps=options.eps, fused=fused)
        peaks = [1.0, options.after.lr / options.lr] if options.after else None
        schedule = warmup_linear(optimizer, self.steps, options.warmup, peaks)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]
