"""The release goes to the hub whole, in one commit, or is refused with a reason; the hub is a stand-in on loopback."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from card_inputs import settings_of
from lineage_inputs import report
from omegaconf import OmegaConf
from proof_inputs import keys
from publish_inputs import REPO, Hub, hub_with_token, released, run

from terna.encoder import Encoder, save
from terna.errors import PublishError
from terna.evaluation.verdict import read, write
from terna.provenance import NAME, chosen
from terna.records import read_json, sha256_of, write_json
from terna.release import hub as publish
from terna.release.lineage import RECORDS, VERDICTS, read_lineage
from terna.release.prove import PROVED
from terna.release.prove.chain import signature
from terna.release.prove.released import read_released
from terna.settings import Settings, load

# the hub's client against its own library
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

Make = Callable[..., Encoder]
Publish = Callable[..., str]
LINEAGE = Path("release/lineage.json")
CARD = Path("release/encoder/README.md")


@pytest.fixture(scope="module")
def whole(root: Path, make_encoder: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released project."""
    project = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        released(root, project, make_encoder())
    return project


@pytest.fixture
def project(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, the working folder, in which a test may break something."""
    shutil.copytree(whole, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def settings(project: Path) -> Settings:
    return load(OmegaConf.load(project / "params.yaml"))


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_with_token() as hub:
        yield hub


@pytest.fixture
def refused(project: Path, capsys: pytest.CaptureFixture[str]) -> Publish:
    """What the command says when it fails."""

    def call(*words: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            run(project, "publish.py", *(words or (REPO,)))
        assert caught.value.code == 1
        return capsys.readouterr().err

    return call


def test_the_bytes_that_arrive_are_the_releases_in_one_commit(
    project: Path, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    run(project, "publish.py", REPO)
    [(message, files)] = hub.commits
    encoder = {path.relative_to("release/encoder").as_posix(): path for path in Path("release/encoder").rglob("*")}
    beside = {name: Path(name) for name in ("metrics/sts.json", "metrics/diagnosis.json", "metrics/train.json")}
    expected = encoder | beside | {"lineage.json": LINEAGE}
    assert files == {name: path.read_bytes() for name, path in expected.items() if path.is_file()}
    assert {"README.md", "model.safetensors", "1_Pooling/config.json"} <= set(files)
    assert message == "terna-sample, made at commit unknown"
    assert hub.tokens == {"Bearer hf_prueba"}
    assert [(made["organization"], made["name"]) for made in hub.made] == [tuple(REPO.split("/"))]
    told = capsys.readouterr().out
    assert f"{REPO}: licence cc0-1.0, files {len(files)}, bytes {sum(map(len, files.values())):,}" in told
    assert told.splitlines()[-1] == f"{hub.root}/{REPO}/commit/{'ab' * 20}"


def test_a_signed_release_arrives_with_a_signature_of_what_arrived(project: Path, hub: Hub, tmp_path: Path) -> None:
    pytest.importorskip("model_signing")
    key = keys(tmp_path / "key")
    run(project, "publish.py", REPO, "--sign", str(key))
    [(_, files)] = hub.commits
    for name, content in files.items():
        (tmp_path / "arrived" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "arrived" / name).write_bytes(content)
    [found] = signature(read_released(str(tmp_path / "arrived")), key.with_suffix(".pub"))
    assert (found.verdict, found.told[-3:]) == (PROVED, f" {len(files) - 1}")


def test_a_file_that_is_no_private_key_is_refused(refused: Publish, hub: Hub) -> None:
    pytest.importorskip("model_signing")
    told = refused(REPO, "--sign", "params.yaml")
    assert told.startswith("PublishError: params.yaml: ")
    assert "give an elliptic curve's private key in PEM, without a password" in told
    assert hub.commits == []


@pytest.mark.slow
def test_a_dry_run_says_what_would_go_and_asks_nobody(project: Path, hub: Hub) -> None:
    # a process of its own, for which HF_ENDPOINT alone says where the hub is; it has no token
    environment = {name: value for name, value in os.environ.items() if name != "HF_TOKEN"}
    environment |= {"HF_ENDPOINT": hub.root, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(project / "home")}
    command = [sys.executable, "pipelines/publish.py", REPO]
    done = subprocess.run([*command, "--dry-run"], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "nothing was sent: --dry-run"
    size = Path("release/encoder/model.safetensors").stat().st_size
    assert f"{size:>15,}  model.safetensors" in lines
    assert hub.asked == []
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, hub.asked) == (1, [])
    assert "no token for the hub: log in (hf auth login), or set HF_TOKEN" in done.stderr
    environment["HF_TOKEN"] = "hf_prueba"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, len(hub.commits)) == (0, 1), done.stderr


@pytest.mark.parametrize(
    ("part", "status", "told"),
    [
        ("/api/repos/create", 401, "does not let this token write to alguien/terna-prueba (status 401)"),
        ("/commit/", 403, "does not let this token write to alguien/terna-prueba (status 403)"),
        ("/api/repos/create", 500, "did not take alguien/terna-prueba: HfHubHTTPError: "),
        ("/store/", 500, "did not take alguien/terna-prueba: RuntimeError: Error while uploading "),
        ("/store/", 401, "does not let this token write to alguien/terna-prueba (status 401)"),
        ("/api/validate-yaml", 0, "did not take alguien/terna-prueba: RemoteProtocolError: "),
        ("/store/", 0, "did not take alguien/terna-prueba: "),
        ("/commit/", 0, "Check there whether the commit exists"),
    ],
)
def test_a_hub_that_fails_is_told_and_has_no_commit(
    project: Path, hub: Hub, refused: Publish, part: str, status: int, told: str
) -> None:
    hub.fails[part] = status
    said = refused().split("PublishError: ")[1]
    assert told in said
    assert said.startswith(hub.root)
    assert hub.commits == []
    hub.fails.clear()
    run(project, "publish.py", REPO)  # the same command resumes it
    assert len(hub.commits) == 1


def test_another_name_than_the_cards_is_refused(refused: Publish, hub: Hub) -> None:
    told = refused("otra/cosa")
    assert f"release.repo is '{REPO}', which the card's programs load, not 'otra/cosa'" in told
    assert "dvc exp run -S release.repo=otra/cosa" in told
    for name in ("release", "a/b/c", "a/b--c", "/release/encoder"):
        assert f"{name!r} is not a repository name" in refused(name)
    assert hub.asked == []


def test_digests_that_do_not_hold_are_refused(refused: Publish, hub: Hub) -> None:
    weights = Path("release/encoder/model.safetensors")
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert "release: release/encoder/model.safetensors has sha256" in refused()
    assert hub.asked == []


def test_an_old_card_is_refused_with_the_line(refused: Publish, hub: Hub) -> None:
    composed = Path("params.yaml")
    composed.write_text(composed.read_text().replace("lr: 0.001", "lr: 0.5"))
    told = refused()
    number, line = next(
        (number, line) for number, line in enumerate(CARD.read_text().splitlines(), start=1) if '"lr": 0.001' in line
    )
    assert f"{CARD}, line {number}: the card is old; it would now say {line.replace('0.001', '0.5')!r}" in told
    assert "dvc repro -s -f release" in told
    assert hub.asked == []


def test_a_licence_that_is_not_known_needs_a_word(root: Path, project: Path) -> None:
    unknown = settings_of(root, "corpora=esxnli").corpora
    restricted = settings_of(root, "corpora=xnli").corpora
    CARD.write_text(CARD.read_text().replace("license: cc0-1.0", "license: other"))
    with pytest.raises(PublishError, match=r"esxnli \(unknown\) are not known here: .*--licence-checked"):
        publish.licensed(unknown, CARD, checked=False)
    assert publish.licensed(unknown, CARD, checked=True) == "other"
    with pytest.raises(PublishError, match=r"its licence is other, but the data allow cc-by-nc-4\.0"):
        publish.licensed(restricted, CARD, checked=True)
    CARD.write_text(CARD.read_text().replace("license: other", "license: cc-by-nc-4.0"))
    assert publish.licensed(restricted, CARD, checked=False) == "cc-by-nc-4.0"
    with pytest.raises(PublishError, match=r"esxnli \(unknown\)"):
        publish.licensed(unknown | restricted, CARD, checked=False)


def test_the_command_takes_the_word_on_the_licence(refused: Publish, hub: Hub, project: Path, root: Path) -> None:
    composed = Path("params.yaml")
    composed.write_text(composed.read_text().replace("licence: CC0-1.0", "licence: unknown"))
    told = refused()
    assert "but the data allow other" in told
    settings = load(OmegaConf.load("params.yaml"))
    for stage, folder in RECORDS.items():  # as if all stages had run with them
        write_json(read_json(folder / NAME) | {"settings": chosen(stage, settings)}, folder / NAME)
    run(project, "release.py", "--config-path=..", "--config-name=params")
    report(settings)
    told = refused()
    assert "sample (unknown), sample-jsonl (unknown) are not known here" in told
    assert hub.asked == []
    run(project, "publish.py", REPO, "--licence-checked")
    assert b"license: other" in hub.commits[0][1]["README.md"]


def test_figures_that_the_encoder_does_not_give_are_refused(
    settings: Settings, make_encoder: Make, refused: Publish, hub: Hub, project: Path
) -> None:
    scores = json.loads(Path("metrics/sts.json").read_text())
    encoder = Encoder.load(project / "release" / "encoder")
    assert len(list(publish.reproduced(encoder, settings, scores, project))) == 2
    recorded = scores["sts-sample-test"]["dot_spearman"]
    scores["sts-sample-test"]["dot_spearman"] = recorded + 2e-4
    with pytest.raises(PublishError, match=r"metrics/sts\.json, sts-sample-test: dot_spearman is .*, but release"):
        list(publish.reproduced(encoder, settings, scores, project))
    scores["sts-sample-test"]["dot_spearman"] = None
    with pytest.raises(PublishError, match="dot_spearman is None, but release"):
        list(publish.reproduced(encoder, settings, scores, project))
    scores["sts-sample-test"]["dot_spearman"] = recorded
    other = make_encoder("model.pooling=cls")
    with pytest.raises(PublishError, match=r"metrics/sts\.json, sts-sample-dev: cosine_pearson is"):
        list(publish.reproduced(other, settings, scores, project))


def test_a_chain_that_holds_over_other_weights_is_refused_for_its_figures(
    refused: Publish, hub: Hub, settings: Settings
) -> None:
    card, other = CARD.read_text(), Encoder.load(Path("models/encoder"))
    with torch.no_grad():
        words = other.backbone.get_input_embeddings().weight
        words.copy_(words.flip(0))
    weights = Path("models/encoder/model.safetensors")
    before, verdicts = sha256_of(weights), read(CARD.parent / VERDICTS)
    for folder in ("models/encoder", "release/encoder"):
        save(other, Path(folder))
    write(verdicts, CARD.parent / VERDICTS)
    card = card.replace(before, sha256_of(weights))
    CARD.write_text(card)
    lineage = json.loads(LINEAGE.read_text())
    for link in lineage["chain"]:
        for part in ("read", "wrote"):
            link[part] |= {path: sha256_of(Path(path)) for path in link[part]}
        for record in map(Path, link["record"]):
            write_json(read_json(record) | {part: link[part] for part in ("read", "wrote")}, record)
            link["record"] = {record.as_posix(): sha256_of(record)}
    write_json(lineage, LINEAGE)
    report(settings)
    assert list(read_lineage(LINEAGE).chain)
    told = refused()
    assert "metrics/sts.json, sts-sample-dev: cosine_pearson is" in told
    assert "dvc repro -s -f evaluate" in told
    assert hub.asked == []


def test_similarities_on_record_that_the_encoder_does_not_give_are_refused(settings: Settings, project: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    scores = json.loads(Path("metrics/sts.json").read_text())
    encoder = Encoder.load(project / "release" / "encoder")
    path = Path("predictions/sts-sample-dev.parquet")
    cosines = pq.read_table(path)["cosine"].to_pylist()
    pq.write_table(pa.table({"cosine": [*cosines[:7], cosines[7] - 0.01, *cosines[8:]]}), path)
    with pytest.raises(PublishError, match=r"predictions/sts-sample-dev\.parquet, row 7: cosine is"):
        list(publish.reproduced(encoder, settings, scores, project))
    pq.write_table(pa.table({"cosine": cosines[:-1]}), path)
    with pytest.raises(PublishError, match=r"sts-sample-dev\.parquet: 259 pairs, expected 260"):
        list(publish.reproduced(encoder, settings, scores, project))
