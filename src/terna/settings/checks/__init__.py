"""Faults between fields that are each well-formed on their own.

Each check names, as its parameters, the groups that it compares: it runs when those are sound,
whatever is wrong elsewhere, so that one message can hold every fault.
"""

from terna.settings.checks.corpora import (
    check_apart,
    check_corpora,
    check_fetch,
    check_held_out,
    check_languages,
    check_parallel,
)
from terna.settings.checks.emissions import check_emissions
from terna.settings.checks.evaluation import (
    check_evaluate,
    check_main_score,
    check_prompts,
    check_selection,
    check_splits,
    check_systems,
)
from terna.settings.checks.losses import (
    check_losses,
    check_matryoshka,
    check_scales,
    check_scored,
    check_texts,
    check_width,
)
from terna.settings.checks.mining import check_mine
from terna.settings.checks.teachers import check_distill, check_guide, check_similarity_distillation
from terna.settings.checks.training import (
    check_averages,
    check_devices,
    check_embeddings,
    check_model,
    check_ray,
    check_sharded,
    check_weights,
)

CHECKS = (
    check_emissions,
    check_corpora,
    check_parallel,
    check_distill,
    check_texts,
    check_scored,
    check_scales,
    check_losses,
    check_similarity_distillation,
    check_guide,
    check_mine,
    check_apart,
    check_held_out,
    check_languages,
    check_fetch,
    check_evaluate,
    check_splits,
    check_selection,
    check_main_score,
    check_systems,
    check_prompts,
    check_model,
    check_weights,
    check_matryoshka,
    check_width,
    check_embeddings,
    check_averages,
    check_devices,
    check_ray,
    check_sharded,
)
