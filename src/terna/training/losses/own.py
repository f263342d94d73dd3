"""A loss of one's own, found by its import path.

    def my_loss(embeddings: list[Tensor], labels: Tensor | None) -> Tensor

embeddings: the columns of a batch, each (B, dimension): of triplets and tuples the anchors, the positives and each
negative; of raw text the texts twice, under two draws of dropout; of scored and classed pairs the first sentences and
the second. labels: of scored pairs their scores (B,), of classed pairs the numbers of their classes (B,) int64, of the
others None. With `train.gather` they are those
of all processes. It gives a scalar, through which the gradient flows.
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from terna.errors import ModelError, SettingsError, words_of
from terna.records import sha256_of
from terna.settings import Train
from terna.training.losses.vectors import check_sizes

SIGNATURE = "a function (embeddings: list[Tensor], labels: Tensor | None) -> Tensor"


@dataclass(frozen=True)
class OwnLoss:
    """A function that somebody wrote.

    key: the setting that names it. path: where it is imported from. sha256: of its module's file as it was imported,
    none of what that imports; None where there is no such file.
    """

    key: str
    path: str
    function: Callable[[list[Tensor], Tensor | None], Tensor]
    sha256: str | None

    def __call__(self, embeddings: Sequence[Tensor], labels: Tensor | None, dimensions: Sequence[int]) -> Tensor:
        """Its value, or the sum of those of the embeddings cut to their first k, for each k of `dimensions`.

        Raises ModelError when it gives anything but a scalar with a gradient.
        """
        sizes = dimensions or embeddings[0].shape[-1:]
        check_sizes(sizes, embeddings[0].shape[1])
        losses = [self._checked(self.function([each[:, :size] for each in embeddings], labels)) for size in sizes]
        return sum(losses[1:], losses[0])

    def _checked(self, found: Any) -> Tensor:
        if not isinstance(found, Tensor) or found.ndim or not found.is_floating_point() or not found.requires_grad:
            kind = f"a value of type {type(found).__name__}"
            if isinstance(found, Tensor):
                flows = "" if found.requires_grad else ", without a gradient"
                kind = f"a tensor of shape {tuple(found.shape)}, {found.dtype}{flows}"
            raise ModelError(
                f"{self.key}: {self.path} gave {kind}; it must give a scalar: a floating-point tensor of shape (), "
                "computed from the embeddings"
            )
        return found


def own_losses(train: Train) -> dict[str, OwnLoss]:
    """The losses that `train.loss` names by import path, by the shape of the examples that they are for.

    Modules are looked for on Python's path and then in the working folder, the project's root. Raises SettingsError
    with each that cannot be imported or called.
    """
    found, faults = {}, []
    for shape, path in vars(train.loss).items():
        if "." in path:
            try:
                found[shape] = _own(f"train.loss.{shape}", path)
            except SettingsError as error:
                faults += error.faults
    if faults:
        raise SettingsError(faults)
    return found


def _own(key: str, path: str) -> OwnLoss:
    module, _, name = path.rpartition(".")
    function = getattr(_imported(key, module), name, None)
    if function is None:
        raise SettingsError([f"{key}: the module {module} has no {name!r}; it must have {SIGNATURE}"])
    if not inspect.isroutine(function):
        kind = "a class" if inspect.isclass(function) else f"of type {type(function).__name__}"
        raise SettingsError([f"{key}: {path} is {kind}; it must be {SIGNATURE}"])
    try:
        inspect.signature(function).bind([], None)
    except (TypeError, ValueError) as error:
        raise SettingsError([f"{key}: {path} cannot be called so ({error}); it must be {SIGNATURE}"]) from error
    file = getattr(sys.modules[module], "__file__", None)
    return OwnLoss(key, path, function, sha256_of(Path(file)) if file else None)


def _imported(key: str, module: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # last, so that it hides no installed package
    try:
        return importlib.import_module(module)
    except Exception as error:  # whatever the module does as it is imported
        raise SettingsError(
            [
                f"{key}: {module} cannot be imported ({type(error).__name__}: {words_of(error)}); it is looked for on "
                f"Python's path and in {here}"
            ]
        ) from error
