"""A batch's chunks side by side on a CPU: each worker thread takes its share through the backbone and back.

Most of a small encoder's operations are too short for several threads to share each of them; whole chunks are not.
Dropout is drawn from a seed for each chunk, and gradients are summed in the workers' order: the same run gives the same
bytes.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from terna.encoder.packing import Chunk

Part = TypeVar("Part")
Found = TypeVar("Found")
Forward = Callable[[Chunk, int], Tensor]


def side_by_side(chunks: Sequence[Chunk], forward: Forward, parameters: Iterable[Tensor], workers: int) -> Tensor:
    """`forward` of each chunk and a seed, on `workers` threads: vectors (sentences, dimension) in the chunks' order.

    Gradients reach those `parameters` that ask for them.
    """
    # to and fro, for sentences grow longer from chunk to chunk
    turns = [*range(workers), *reversed(range(workers))]
    parts: list[list[int]] = [[] for _ in range(workers)]
    for number in range(len(chunks)):
        parts[turns[number % len(turns)]].append(number)
    learnt = [each for each in parameters if each.requires_grad]
    learns = torch.is_grad_enabled() and bool(learnt)
    # who only encodes draws nothing
    seeds = torch.randint(2**62, (len(chunks),)).tolist() if learns else [0] * len(chunks)

    def work(part: list[int]) -> list[Tensor]:
        return [forward(chunks[number], seeds[number]) for number in part]

    if learns:
        found: Tensor = _SideBySide.apply(work, parts, *learnt)  # type: ignore[no-untyped-call]
        return found
    return torch.cat(_ordered(share(work, parts), parts))


def share(work: Callable[[Part], Found], parts: Sequence[Part]) -> list[Found]:
    """`work` of each part, each on a thread of its own that takes its share of torch's threads; in their order."""
    threads = max(1, torch.get_num_threads() // len(parts))
    gradients, inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    half, kind = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    def run(part: Part) -> Found:  # torch keeps these modes by thread
        torch.set_num_threads(threads)
        with (
            torch.inference_mode(inference),
            torch.set_grad_enabled(gradients and not inference),
            torch.autocast("cpu", kind, enabled=half),
        ):
            return work(part)

    return list(_pool(len(parts)).map(run, parts))


class _SideBySide(torch.autograd.Function):
    """Forward keeps each worker's graphs; backward goes through them, each worker through its own."""

    @staticmethod
    def forward(ctx: Any, work: Callable[[list[int]], list[Tensor]], parts: list[list[int]], *learnt: Tensor) -> Tensor:
        with torch.enable_grad():
            ctx.made = share(work, parts)
        ctx.parts, ctx.learnt = parts, learnt
        vectors = _ordered(ctx.made, parts)
        ctx.sizes = [len(each) for each in vectors]
        return torch.cat([each.detach() for each in vectors])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        pieces = torch.split(gradient, ctx.sizes)
        made, ctx.made = ctx.made, None

        def gradients(worker: int) -> tuple[Tensor | None, ...]:
            asked = [pieces[number] for number in ctx.parts[worker]]
            found: tuple[Tensor | None, ...] = torch.autograd.grad(made[worker], ctx.learnt, asked, allow_unused=True)
            return found

        first, *others = share(gradients, range(len(ctx.parts)))
        summed = list(first)
        for other in others:
            for place, each in enumerate(other):
                if each is not None:
                    mine = summed[place]
                    summed[place] = each if mine is None else mine.add_(each)
        return (None, None, *summed)


def _ordered(made: list[list[Tensor]], parts: list[list[int]]) -> list[Tensor]:
    """What the workers made, in the chunks' order."""
    found = {
        number: each for part, own in zip(parts, made, strict=True) for number, each in zip(part, own, strict=True)
    }
    return [found[number] for number in sorted(found)]


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="terna")
