"""The folder of a Space: its front matter is the hub's, its Dockerfile is sound, and its command serves the page."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import SpaceCard
from markdown_inputs import shown

from terna.errors import PublishError
from terna.release import space

# from the hub's reference of a Space's configuration
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
KEYS = {"title", "emoji", "colorFrom", "colorTo", "sdk", "app_port", "license", "models", "pinned", "short_description"}


@pytest.fixture
def written(
    root: Path, encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str | None], Path]:
    """Writes a Space's folder, of a small encoder with a card unless another model is named."""
    monkeypatch.chdir(root)

    def write(model: str | None = None) -> Path:
        bundled = shutil.copytree(encoder_folder, tmp_path / "bundled", dirs_exist_ok=True)
        front = "license: cc-by-sa-4.0\nmodel-index:\n- name: terna-sample\n  results: []"
        (bundled / "README.md").write_text(f"---\n{front}\n---\n# terna-sample\n")
        space.write(model or str(bundled), tmp_path / "space")
        return tmp_path / "space"

    return write


def steps(folder: Path) -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (folder / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", "")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def test_the_front_matter_is_what_the_hub_documents(written: Callable[..., Path]) -> None:
    folder = written()
    data = SpaceCard.load(folder / "README.md").data.to_dict()
    assert set(data) == KEYS - {"models"}
    assert (data["sdk"], data["app_port"], data["license"]) == ("docker", 7860, "cc-by-sa-4.0")
    assert {data["colorFrom"], data["colorTo"]} <= COLOURS
    assert not data["emoji"].isascii()
    assert len(data["short_description"]) <= 60, "the hub shows no more"
    assert "The demo page of terna-sample:" in (folder / "README.md").read_text()


def test_a_name_from_somebody_s_card_is_shown_as_it_is(encoder_folder: Path, tmp_path: Path, root: Path) -> None:
    name = "<img src=x onerror=alert(1)> **x**"
    bundled = shutil.copytree(encoder_folder, tmp_path / "bundled")
    (bundled / "README.md").write_text(f"---\nmodel-index:\n- name: {name!r}\n  results: []\n---\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        space.write(str(bundled), tmp_path / "space")
    tags, words, _ = shown((tmp_path / "space" / "README.md").read_text().split("\n---\n", 1)[1])
    assert f"The demo page of {name}:" in words and not {"img", "strong"} & set(tags)


def test_the_folder_holds_what_the_dockerfile_copies_and_nothing_that_was_made(
    written: Callable[..., Path], root: Path
) -> None:
    folder = written()
    copied = [shlex.split(rest)[:-1] for name, rest in steps(folder) if name == "COPY"]
    assert all((folder / source).exists() for sources in copied for source in sources)
    assert {path.name for path in folder.iterdir()} == {"README.md", "Dockerfile", *(s for ss in copied for s in ss)}
    assert (folder / "requirements.txt").read_bytes() == (root / "requirements.lock").read_bytes()
    assert not [path for path in folder.rglob("*") if path.name == "__pycache__"]
    page = root / "src/terna/serving/demo/page"
    assert {path.name for path in (folder / page.relative_to(root)).iterdir()} == {path.name for path in page.iterdir()}


def test_the_dockerfile_keeps_to_hadolints_rules(written: Callable[..., Path]) -> None:
    found = steps(written())
    names = [name for name, _ in found]
    assert re.fullmatch(r"python:\d\.\d+-slim", found[0][1]), "DL3006, DL3007: a tag, not latest"
    assert names.index("WORKDIR") < names.index("COPY"), "DL3045"
    runs = [rest for name, rest in found if name == "RUN"]
    assert all("--no-cache-dir" in rest for rest in runs if "pip install" in rest), "DL3042"
    assert all(re.search(r"--(requirement|constraint) ", rest) for rest in runs if "pip install" in rest), "DL3013"
    assert not any("|" in rest or re.search(r"\bcd |sudo", rest) for rest in runs), "DL4006, DL3003, DL3004"
    assert all(isinstance(json.loads(rest), list) for name, rest in found if name == "CMD"), "DL3025"
    assert [rest for name, rest in found if name == "USER"] == ["1000"], "DL3002, and what the hub runs as"
    assert "RUN" not in names[names.index("USER") :]


def environment(folder: Path) -> dict[str, str]:
    [rest] = [rest for name, rest in steps(folder) if name == "ENV"]
    return dict(word.split("=", 1) for word in shlex.split(rest))


def test_a_hub_name_is_loaded_by_the_space_and_is_among_its_models(written: Callable[..., Path]) -> None:
    folder = written("someone/encoder@main")
    assert environment(folder)["MODEL"] == "someone/encoder@main"
    assert not (folder / "encoder").exists()
    assert "encoder encoder" not in (folder / "Dockerfile").read_text()
    data = SpaceCard.load(folder / "README.md").data
    assert (data.models, data.license) == (["someone/encoder"], None)


@pytest.mark.parametrize("model", ["someone/encoder", "release/none", "src", "pyproject.toml", "pkg:a/b"])
def test_what_is_no_encoder_is_refused_and_nothing_is_written(
    written: Callable[..., Path], tmp_path: Path, model: str
) -> None:
    with pytest.raises(PublishError, match="neither an encoder's folder"):
        written(model)
    assert not (tmp_path / "space").exists()


def test_the_port_is_the_one_that_the_hub_is_told(written: Callable[..., Path]) -> None:
    folder = written()
    exposed = [rest for name, rest in steps(folder) if name == "EXPOSE"]
    assert [environment(folder)["PORT"], *exposed] == ["7860", "7860"]
    assert SpaceCard.load(folder / "README.md").data.app_port == 7860


def fetch(url: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json", **headers})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return json.load(answer)


@pytest.mark.slow
def test_its_command_serves_the_page_as_the_hub_asks_for_it(written: Callable[..., Path]) -> None:
    folder = written()
    [command] = [json.loads(rest) for name, rest in steps(folder) if name == "CMD"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {**environment(folder), "PORT": str(port), "PATH": path, "PYTHONPATH": "src", "HOME": os.environ["HOME"]}
    hosted = os.environ | own | {"SPACE_HOST": "owner-name.hf.space"}
    with subprocess.Popen(command, cwd=folder, env=hosted, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stderr.readline()
            assert line.startswith(f"http://127.0.0.1:{port}/ for https://owner-name.hf.space"), line
            origin, at = "https://owner-name.hf.space", f"http://127.0.0.1:{port}/api"
            asked = {"query": "Hola.", "sentences": ["Adiós.", "Hola."]}
            ranked = fetch(f"{at}/search", asked, Host="owner-name.hf.space", Origin=origin)["ranked"]
            assert ranked[0]["sentence"] == "Hola."
            found = fetch(f"{at}/example", Host="owner-name.hf.space")
            assert (found["model"], found["local"]) == ("encoder", False)
            process.terminate()  # the shell has become Python, which hears it
            assert process.wait(30) == 143
        finally:
            process.kill()
