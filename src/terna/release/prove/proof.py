"""Everything that a release states, one thing after the other."""

from collections.abc import Collection, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from omegaconf import OmegaConf

from terna.errors import DataError, SettingsError
from terna.release.lineage import Lineage
from terna.release.prove import scratch as project
from terna.release.prove.chain import chain, code, signature
from terna.release.prove.finding import Finding
from terna.release.prove.raw import raw
from terna.release.prove.released import read_released
from terna.release.prove.scores import card, emitted, scores
from terna.release.prove.stages import again, cheap
from terna.settings import Settings, load


def prove(where: str, scratch: Path, stages: Collection[str] = (), key: Path | None = None) -> Iterator[Finding]:
    """A finding for each thing that the release at `where` states.

    The working folder is a clone of the project. scratch: a folder outside of it, new, empty or of an earlier proof,
    for what is made again. stages: those
    to run again beside the cheap ones. key: the public key of its signature. Raises DataError for what is no release,
    and outside of a project.
    """
    root, scratch = Path.cwd(), scratch.resolve()
    project.check(root, scratch, where)
    released = read_released(where)
    settings = settings_of(released.lineage, root / "params.yaml")
    project.make(root, scratch, settings)
    project.lay(released, scratch)
    yield from signature(released, key)
    yield from code(released, root)
    yield from chain(released, settings, scratch)
    yield from raw(released.links, settings, scratch)
    yield from again(released, settings, {*cheap(settings), *stages}, scratch)
    yield from scores(released, settings, scratch)
    yield from emitted(released)
    yield from card(released, settings, scratch)


def settings_of(lineage: Lineage, params: Path) -> Settings:
    """The settings of a release, run where params.yaml here says, and logged nowhere; DataError where they are none."""
    here = load(OmegaConf.load(params))
    here = replace(here, machine=replace(here.machine, emissions=None))
    here = replace(here, logger=replace(here.logger, wandb=False, tensorboard=False, mlflow=False))
    try:
        return load({**asdict(here), **lineage.settings}, checked=True)
    except SettingsError as error:
        raise DataError(
            f"release/lineage.json: its settings are none of this code ({error}); check out its commit"
        ) from error
