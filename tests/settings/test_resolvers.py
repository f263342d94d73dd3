"""As DVC composes conf/ into params.yaml, no resolver but that of a mapping's keys gives a value."""

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

CONFIG = "names: ${oc.dict.keys:corpora}\ncorpora: {one: 1, two: 2}\nseed: 3\nrelease: {name: '${seed}'}\n"
# one resolver is there before Hydra looks for plugins, and one is registered after they have run
COMPOSE = """
import json, sys
from pathlib import Path
import hydra.core.utils
from dvc.utils.hydra import compose_and_dump
from omegaconf import OmegaConf
OmegaConf.register_new_resolver("before", lambda *_: "leaked")
own = hydra.core.utils.setup_globals
def late():
    own()
    OmegaConf.register_new_resolver("after", lambda *_: "leaked", replace=True)
hydra.core.utils.setup_globals = late
hydra._internal.hydra.setup_globals = late
for word in json.loads(sys.argv[2]):
    try:
        compose_and_dump("params.yaml", str(Path("conf").resolve()), None, "config", sys.argv[1], [word])
        print(json.dumps(Path("params.yaml").read_text()))
    except Exception as error:
        print(json.dumps(str(error)))
"""
REFUSED = ["now:%Y", "before:x", "after:x", "oc.env:HF_TOKEN", "oc.env:NONE,y", "oc.decode:1", "oc.select:seed"]
REFUSED += ["oc.create:{a:1}", "oc.dict.values:corpora", "python_version:minor", "hydra:job.name"]


def test_every_resolver_is_refused_by_name_whoever_registers_it_and_when(root: Path, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text(CONFIG)
    words = ["seed=4", *(f"release.name='x${{{one}}}'" for one in REFUSED), "release.name=${oc.dict.keys:corpora}"]
    line = [sys.executable, "-c", COMPOSE, str(root / "src" / "terna" / "settings"), json.dumps(words)]
    env = {**os.environ, "HF_TOKEN": "hf_secret"}
    done = subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    plain, *refused, keys = [json.loads(said) for said in done.stdout.splitlines()]
    assert yaml.safe_load(plain)["release"] == {"name": 4}
    assert yaml.safe_load(keys)["release"] == {"name": ["one", "two"]} == {"name": yaml.safe_load(plain)["names"]}
    for one, said in zip(REFUSED, refused, strict=True):
        assert f"release.name: ${{{one.partition(':')[0]}:…}} is a resolver; write the value" in said
