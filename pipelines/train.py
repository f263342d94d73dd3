"""Train the encoder and keep the weights that score best on the development benchmark.

reads   data/tokens/, data/teacher/, data/raw/sts/<evaluate.select_on>/
does    minimises the losses of train.loss on batches of triplets, tuples and raw text (without repeated texts), of
        scored pairs and of pairs with a class, with a warmup-linear schedule; with train.distill, the distance to the
        teacher's vectors and similarities instead of ranking; a stopped run resumes from checkpoints/ and ends with
        the same bytes
writes  models/encoder/, models/made.json, metrics/train.json, plots/{loss,lr,development}.csv, plots/outcomes.parquet
        (scores of start and encoder for each development pair or query), logs/ (train.json, time and memory of the run,
        energy and CO2 if machine.emissions asks; csv; optionally W&B, TensorBoard, MLflow)

With `-m` or `hydra.run.dir=…` in a folder of the run's own: python pipelines/train.py -m train.lr=1e-3,1e-4
"""

from terna.running.stage import sweepable

from pathlib import Path

from terna import provenance
from terna.data.evaluators import read_evaluator
from terna.errors import DataError
from terna.records import OUTCOMES, sha256_of, write_json, write_table
from terna.settings import Settings
from terna.training import resume

LOGS = Path("logs")
TOKENS = Path("data/tokens")
TEACHER = Path("data/teacher")
RAW = Path("data/raw/sts")
OUT = Path("models/encoder")
MADE = Path("models/made.json")
FIGURES = Path("metrics/train.json")
PLOTS = Path("plots")
# no output of the stage: DVC would remove it before the run that is to resume from it
CHECKPOINTS = Path("checkpoints")


@sweepable("data")
def main(settings: Settings) -> str | None:
    # Lightning and transformers take seconds to import: what can fail before them has failed.
    import torch

    from terna.encoder import save
    from terna.tracking import loggers
    from terna.tracking.emissions import meters
    from terna.training.improvement import improvement, outcomes
    from terna.training.processes import Agreement
    from terna.training.setup import Inputs, build_run, finished, observers_of, unsharded
    from terna.training.trainer import build_trainer, check_overfit, fit, measured, profiler_of, quiet, summary

    quiet()
    measuring = meters(settings.machine)
    chosen = settings.evaluate.select_on
    read = [TOKENS, TEACHER, RAW / chosen]
    benchmark = read_evaluator(chosen, settings.evaluate, RAW)
    inputs = Inputs.load(TOKENS, TEACHER if settings.train.is_taught else None)
    data = provenance.digests(read)
    identity = resume.identity(settings, data)
    checkpoint = resume.claim(CHECKPOINTS, identity)
    run = build_run(settings, inputs)
    observers = observers_of(settings, run, inputs.table, benchmark, CHECKPOINTS, PLOTS)
    callbacks = [Agreement(identity, checkpoint), *measuring, *observers]
    profiler = profiler_of(settings.machine, LOGS)
    trainer = build_trainer(settings, callbacks, loggers.build(settings, LOGS), profiler)
    taken = fit(trainer, run, checkpoint)
    if not trainer.is_global_zero:
        return None
    run = unsharded(settings, inputs, run, observers.selection)
    check_overfit(settings, [row["loss"] for row in observers.recorder.curves.trained])
    observers.selection.try_averages(trainer.global_step, observers.restarts.paths)
    observers.selection.restore()
    save(finished(settings, run), OUT)
    gain = improvement(observers.selection, benchmark, settings.seed)
    result = summary(settings, run, trainer, observers.selection) | gain.record()
    costs = measured(run, trainer, taken)
    emitted = {"emissions": measuring[0].record(trainer.global_step)} if measuring else {}
    # the hub's commit that the backbone was loaded from; None for what is not on the hub
    commit = getattr(run.encoder.backbone.config, "_commit_hash", None)
    write_json({**result, "backbone_commit": commit}, FIGURES)
    observers.recorder.curves.write(PLOTS)
    write_table(outcomes(observers.selection), PLOTS / "outcomes.parquet", OUTCOMES)
    if provenance.digests(read) != data:
        raise DataError(f"what it reads ({', '.join(map(str, read))}) changed while it trained; train again")
    provenance.record("train", settings, read, [OUT, FIGURES, PLOTS], MADE, threads=torch.get_num_threads())
    write_json({"made": sha256_of(MADE), **costs, **emitted}, LOGS / "train.json")
    resume.release(CHECKPOINTS)
    loggers.conclude(trainer.loggers, settings, result | costs, LOGS, MADE)
    energy = "".join(meter.sentence(trainer.global_step) for meter in measuring)
    best, kind = observers.selection, "debug run, no result: " if settings.train.debug else ""
    return (
        f"{kind}{taken.steps} steps in {taken.seconds:.0f} s, best at step {best.best_step}{best.averaged}: "
        f"{settings.evaluate.main_score} {best.best:.4f} on {chosen}, {gain.sentence()}{energy}"
    )


if __name__ == "__main__":
    main()
