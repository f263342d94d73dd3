"""The LightningModule: packed sentences in, ranking loss out, AdamW under a warmup-linear schedule."""

from typing import Any, cast

import numpy as np
import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from transformers import get_linear_schedule_with_warmup

from terna.encoder import Batch, Encoder
from terna.loss import ranking_loss
from terna.optimizer import parameter_groups
from terna.settings import Train


class Learner(LightningModule):
    """Trains `encoder` for exactly `steps` optimizer steps; dropout in step s is a function of (seed, s, process)."""

    def __init__(self, encoder: Encoder, train: Train, steps: int, seed: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.settings = train
        self.steps = steps
        self.seed = seed

    def training_step(self, batch: tuple[Batch, Tensor | None, Tensor | None], _: int) -> Tensor:
        """The ranking loss of one batch of triplets: see feed.Triplets."""
        # not a stream that goes on from step to step: so a resumed run draws what it would have drawn
        draw = np.random.SeedSequence([self.seed, self.global_step, self.global_rank])
        torch.manual_seed(int(draw.generate_state(1, np.uint64)[0]))
        sentences, *known = batch
        loss = self.loss(self.encoder(sentences), *known)
        self.log("loss", loss, prog_bar=True, logger=False)
        return loss

    def loss(self, vectors: Tensor, known: Tensor | None = None, known_anchors: Tensor | None = None) -> Tensor:
        """The loss of this process's anchors, positives and negatives, which lie one after another (3 B, d).

        With `train.gather` they are ranked among the texts of all processes, through which the gradient flows too.
        """
        own, options = vectors.chunk(3), self.settings
        every, offset = [*own], 0
        if options.gather and self.trainer.world_size > 1:
            every = [cast(Tensor, self.all_gather(each, sync_grads=True)).flatten(0, 1) for each in own]
            offset = self.global_rank * len(own[0])
        return ranking_loss(
            own[0],
            every[1],
            every[2],
            scale=options.scale,
            symmetric=options.symmetric,
            known=known,
            known_anchors=known_anchors,
            offset=offset,
            all_anchors=every[0],
            dimensions=options.matryoshka,
        )

    def configure_optimizers(self) -> Any:
        """AdamW with decay on matrices alone, and a rate that climbs over the warm-up, then falls to 0 at the end."""
        options = self.settings
        groups = parameter_groups(self.encoder, options.weight_decay, lr=options.lr, layer_decay=options.layer_decay)
        # the fused kernel would unscale fp16's gradients itself, behind the back of clipping
        optimizer = torch.optim.AdamW(groups, eps=options.eps, fused=options.precision != "16-mixed")
        warmup = round(options.warmup * self.steps)
        schedule = get_linear_schedule_with_warmup(optimizer, warmup, self.steps)  # type: ignore[no-untyped-call]
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]
