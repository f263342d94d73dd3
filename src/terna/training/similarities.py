"""What a student keeps of its teacher's similarities: the loss on the cosines of each two sentences of a batch."""

import torch
from torch import Tensor

from terna.training.losses.vectors import cosines


def similarity_loss(
    student: Tensor, teacher: Tensor, every_student: Tensor, every_teacher: Tensor, offset: int = 0
) -> Tensor:
    """The mean squared difference between the cosines that student and teacher give each two sentences of a batch.

    student: (n, d), teacher: (n, e), of unlike widths as they may be. every_student: (N, d), every_teacher: (N, e),
    the vectors of the whole batch, in which the n lie from row `offset` on; so a process can compare its own sentences
    with those of all, and the mean over the processes is the loss of the whole batch. A sentence is not compared with
    itself. The loss is a scalar, in float32 or better whatever the vectors and autocast are.

    Source: Tung and Mori, Similarity-Preserving Knowledge Distillation, 2019, section 3.1, with cosines in place of dot
    products that are normalised by row.
    """
    # autocast would run the matrix products in half precision
    with torch.autocast(student.device.type, enabled=False):
        differences = cosines(student, every_student) - cosines(teacher, every_teacher)
        own = torch.arange(offset, offset + len(student), device=student.device)
        others = differences.scatter(1, own[:, None], 0.0)
        return others.pow(2).sum() / max(1, len(student) * (len(every_student) - 1))
