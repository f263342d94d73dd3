"""The LightningModule: packed sentences in, ranking loss out, AdamW under a warmup-linear schedule."""

from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from transformers import get_linear_schedule_with_warmup

from terna.encoder import Encoder
from terna.loss import ranking_loss
from terna.optimizer import parameter_groups
from terna.settings import Train


class Learner(LightningModule):
    """Trains `encoder` for exactly `steps` optimizer steps."""

    def __init__(self, encoder: Encoder, train: Train, steps: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.settings = train
        self.steps = steps

    def training_step(self, batch: tuple[Tensor, list[int]], _: int) -> Tensor:
        """The ranking loss of one batch of triplets: see feed.Batch."""
        ids, lengths = batch
        anchors, positives, negatives = self.encoder(ids, lengths).chunk(3)
        loss = ranking_loss(anchors, positives, negatives, scale=self.settings.scale, symmetric=self.settings.symmetric)
        self.log("loss", loss, prog_bar=True)
        self.log("lr", self.optimizers().param_groups[0]["lr"])  # type: ignore[union-attr]
        return loss

    def configure_optimizers(self) -> Any:
        """AdamW with decay on matrices alone, and a rate that climbs over the warm-up, then falls to 0 at the end."""
        optimizer = torch.optim.AdamW(
            parameter_groups(self.encoder, self.settings.weight_decay, lr=self.settings.lr), eps=self.settings.eps
        )
        warmup = round(self.settings.warmup * self.steps)
        schedule = get_linear_schedule_with_warmup(optimizer, warmup, self.steps)  # type: ignore[no-untyped-call]
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]
