"""What is scored, and what is chosen on it."""

from collections.abc import Iterator

from terna.settings.benchmark import DECIDED, NOT_BENCHMARKS, RANKED
from terna.settings.checks.corpus import faults_of
from terna.settings.declaration import Corpus
from terna.settings.schema import Evaluate
from terna.settings.training import Model


def check_evaluate(evaluate: Evaluate) -> Iterator[str]:
    for name, corpus in evaluate.benchmarks.items():
        key = f"evaluate.benchmarks.{name}"
        if name in NOT_BENCHMARKS:
            yield f"{key}: metrics/sts.json has something else under this name; choose another name"
        if corpus.role == "train":
            yield f"{key}.role: a benchmark is for development or test, not train"
        if len(corpus.files) not in (0, 1, len(RANKED)) and corpus.shape == "ranking":
            yield (
                f"{key}.files: {len(corpus.files)}; a ranking needs three (documents, queries, which are relevant), or "
                "one of query, document and score"
            )
        yield from faults_of(key, corpus)


def check_splits(evaluate: Evaluate) -> Iterator[str]:
    for name, one in evaluate.benchmarks.items():
        partner = evaluate.partner_of(name)
        same = [
            other for other, each in evaluate.benchmarks.items() if (each.origin, other != name) == (one.origin, True)
        ]
        if same and partner is None:
            yield (
                f"evaluate.benchmarks.{name}.files: those of {same[0]} too, so that both hold the same; give other "
                "files, or a role of its own and a split"
            )
        elif one.split and partner is None:
            yield (
                f"evaluate.benchmarks.{name}.split: no benchmark of another role has the same files to share; set it "
                "to null, so that all of them count"
            )
        if partner and vars(one) | {"role": None} != vars(evaluate.benchmarks[partner]) | {"role": None}:
            yield (
                f"evaluate.benchmarks.{name}: shares its files with {partner}, so all but the role is to be the same; "
                f"refer to the other's, as in ${{evaluate.benchmarks.{partner}.columns}}"
            )


def check_selection(evaluate: Evaluate) -> Iterator[str]:
    benchmarks, chosen = evaluate.benchmarks, evaluate.select_on
    if chosen not in benchmarks:
        yield f"evaluate.select_on: no benchmark is named {chosen!r}; there are {', '.join(benchmarks)}"
    elif benchmarks[chosen].role == "test" and not evaluate.replication:
        yield (
            f"evaluate.select_on: {chosen} is a test benchmark; choose on one with role development, or declare a "
            "replication of a protocol that chose on it (evaluate.replication=true)"
        )
    elif evaluate.replication and benchmarks[chosen].role != "test":
        yield f"evaluate.replication: {chosen} is not a test benchmark, so nothing is chosen on one; set it to false"


def check_main_score(evaluate: Evaluate) -> Iterator[str]:
    score, chosen = evaluate.main_score, evaluate.benchmarks.get(evaluate.select_on)
    if score.partition("_")[2] in DECIDED:
        yield f"evaluate.main_score: {score} depends on a threshold that the same data choose; take cosine_ap"
    elif chosen and score not in chosen.figures:
        yield (
            f"evaluate.main_score: {score} is not a figure of {evaluate.select_on}, whose task is {chosen.task}; "
            f"choose one of {', '.join(name for name in chosen.figures if name.partition('_')[2] not in DECIDED)}"
        )


def check_systems(evaluate: Evaluate) -> Iterator[str]:
    if "untouched" in evaluate.systems:
        yield "evaluate.systems.untouched: this name means the start before training; choose another name"
    for name, where in evaluate.systems.items():
        if where.startswith(("http:", "https:")):
            yield f"evaluate.systems.{name}: {where} is an address; download the file, or give the name on the hub"


def check_prompts(corpora: dict[str, Corpus], model: Model, evaluate: Evaluate) -> Iterator[str]:
    known = ["untouched", *evaluate.systems]
    for name in evaluate.prompts:
        if name not in known:
            yield (
                f"evaluate.prompts.{name}: no system is named {name!r}; there are {', '.join(known)}. Those of the "
                "model that is trained are model.prompts"
            )
    for name in model.prompts.corpora if model.prompts else ():
        if name not in corpora:
            yield f"model.prompts.corpora.{name}: no corpus of the mix has this name; there are {', '.join(corpora)}"
        elif corpora[name].kind == "texts":
            yield f"model.prompts.corpora.{name}: raw text has the default prompt; remove it"
    for name, prompts in evaluate.prompts.items():
        if prompts.corpora:
            yield f"evaluate.prompts.{name}.corpora: only for training corpora; remove it"
    every = {f"evaluate.prompts.{name}": one for name, one in evaluate.prompts.items()}
    for key, one in ({"model.prompts": model.prompts} | every).items():
        if one and not (one.query or one.document):
            yield f"{key}: query and document are empty, so that nothing is put before a text; give one of them"
