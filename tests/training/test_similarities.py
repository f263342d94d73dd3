"""The loss on similarities: against a loop over pairs, finite differences, and shares of a batch."""

import numpy as np
import torch
from scipy.spatial.distance import cosine

from terna.training.similarities import similarity_loss

STUDENT, TEACHER = torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 7, dtype=torch.float64)


def test_the_loss_is_the_mean_over_pairs_of_the_squared_difference_of_their_cosines() -> None:
    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
    students, teachers = ([cosine(each[i], each[j]) for i, j in pairs] for each in (STUDENT.numpy(), TEACHER.numpy()))
    expected = np.mean((np.array(students) - teachers) ** 2)
    torch.testing.assert_close(float(similarity_loss(STUDENT, TEACHER, STUDENT, TEACHER)), expected)
    torch.testing.assert_close(float(similarity_loss(7 * STUDENT, TEACHER, 7 * STUDENT, TEACHER)), expected)


def test_the_gradient_is_that_of_finite_differences() -> None:
    def loss(student: torch.Tensor) -> torch.Tensor:
        return similarity_loss(student, TEACHER, student, TEACHER)

    assert torch.autograd.gradcheck(loss, STUDENT.clone().requires_grad_())


def test_the_mean_over_equal_shares_is_the_loss_of_the_batch() -> None:
    student, teacher = torch.randn(6, 4), torch.randn(6, 3)
    shares = [similarity_loss(student[i : i + 2], teacher[i : i + 2], student, teacher, i) for i in (0, 2, 4)]
    torch.testing.assert_close(torch.stack(shares).mean(), similarity_loss(student, teacher, student, teacher))


def test_it_is_computed_in_float32_under_autocast_and_a_sentence_alone_costs_nothing() -> None:
    student = torch.randn(3, 4).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = similarity_loss(student, TEACHER[:3].float(), student, TEACHER[:3].float())
    expected = similarity_loss(student.float(), TEACHER[:3].float(), student.float(), TEACHER[:3].float())
    assert found.dtype == torch.float32
    assert found == expected
    assert similarity_loss(STUDENT[:1], TEACHER[:1], STUDENT[:1], TEACHER[:1]) == 0
