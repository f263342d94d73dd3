# make run | new | test | test-slow | test-all | check | verify | params | lock | mirror | seeds | search | soup | board | table | plots | wandb | demo | space | docs | mteb | bench | publish | publish-data | results reference figure — each sets up what it needs first.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1

.PHONY: run new test test-slow test-all verify check params lock mirror seeds search soup board table plots wandb mteb bench publish publish-data results reference figure demo space docs clean

run: .venv/ready          ## the whole pipeline: raw corpora in, a scored encoder out; as params.yaml says, or make run SET="experiment=…"
	$(if $(SET),python pipelines/compose.py $(SET))
	python pipelines/run.py

new: .venv/ready          ## an experiment on your own files: make new FILES="pairs.csv scores.csv" OPTIONS="--model e5_small"
	python -m terna new $(FILES) $(OPTIONS)

test: .venv/ready         ## the quick tests, a few minutes
	pytest -n auto -m "not slow"

test-slow: .venv/ready    ## the rest: whole runs, several processes, every command of the docs
	# by group: what several tests look at is made in one worker, and groups come first
	pytest -n auto --dist loadgroup -m slow

test-all: test test-slow  ## all tests

check: .venv/ready        ## lint, types, import contracts, the English of pages and messages (docs/style.md)
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	python tests/helpers/style.py

demo: .venv/ready         ## a page to try the encoder: make demo, or make demo MODEL=folder PORT=8766 CORPUS=file.csv
	python -m terna demo $(if $(MODEL),--model "$(MODEL)") $(if $(PORT),--port "$(PORT)") $(if $(CORPUS),--corpus "$(CORPUS)")

space: .venv/ready        ## the demo as a Hugging Face Space, in space/: make space, or make space MODEL=owner/name@main
	python pipelines/space.py $(MODEL)

docs: .venv/ready         ## docs/ as a site, site/index.html, every link checked; with search: mkdocs serve
	# no --quiet: what it keeps silent does not count as a fault either
	NO_MKDOCS_2_WARNING=1 SOURCE_DATE_EPOCH=0 mkdocs build --strict

verify: .venv/ready       ## the chain from the raw files to the weights, every sha256 computed again
	python pipelines/release.py --verify

params: .venv/ready       ## compose conf/ again into params.yaml, as `dvc exp run` does
	python pipelines/compose.py

lock: .venv/ready         ## write down the versions that are installed
	pip freeze --exclude-editable --exclude atheris | sed 's/+[a-z0-9.]*$$//' > requirements.lock

mirror: .venv/ready       ## pack what params.yaml fetches into a folder, for TERNA_MIRROR: make mirror DEST=/path
	TERNA_DEST="$(DEST)" python pipelines/mirror.py --config-path=.. --config-name=params

seeds: .venv/ready        ## the pipeline for several seeds, and the spread of the scores: make seeds SEEDS="1 2 3" SET="…"
	python pipelines/seeds.py $(SEEDS) $(addprefix -S ,$(SET))

search: .venv/ready       ## training's settings by the development score: make search TRIALS=20 FINALS=3 SPACE="train.lr=log(1e-5,1e-4)"
	dvc repro teacher
	python pipelines/search.py --trials $(or $(TRIALS),20) --finals $(or $(FINALS),3) $(if $(SEEDS),--seeds "$(SEEDS)") "$(SPACE)"

soup: .venv/ready         ## the average of several encoders that development data prefer: make soup FOLDERS="a b" START=… OUT=soups/mine
	python pipelines/soup.py $(FOLDERS) $(if $(START),--start "$(START)") $(if $(OUT),--out "$(OUT)") \
	  $(if $(EXPERIMENTS),--experiments $(EXPERIMENTS))

table: .venv/ready        ## the experiments by development score, in 12 columns at most: the scores, the settings that differ
	python pipelines/table.py

plots: .venv/ready        ## the curves on a page that needs no network, also while training runs: make plots REVS="main faint-holy"
	python pipelines/plots.py $(REVS)

wandb: .venv/ready        ## the results to Weights & Biases: into the run that trained the encoder, or into a new one with its curves
	python pipelines/report.py --config-path=.. --config-name=params logger.wandb=true

mteb: .venv/ready         ## tasks of MTEB on the encoder: make mteb TASKS="STSES STS17 STS22"; first: pip install -e '.[mteb]'
	python pipelines/mteb_tasks.py $(TASKS)

board: .venv/ready        ## every system of conf/systems/ on every benchmark, with groups of ties: make board OPTIONS="--strict"
	python pipelines/board.py $(OPTIONS)

bench: .venv/ready        ## training, encoding and batch plans side by side with sentence-transformers
	python benchmarks/bench.py

publish: .venv/ready      ## the release to the hub, in one commit: make publish REPO=owner/name OPTIONS="--dry-run"
	python pipelines/publish.py $(REPO) $(OPTIONS)

publish-data: .venv/ready ## data/triplets/ to the hub as a dataset: make publish-data REPO=owner/name OPTIONS="--dry-run"
	python pipelines/publish_data.py $(REPO) $(OPTIONS)

results: .venv/ready      ## the table of results in docs/overview.md from metrics/sts.json, after a run of the default settings
	python pipelines/results.py

reference: .venv/ready    ## docs/settings.md, the reference of all settings, from their schema
	python pipelines/reference.py

figure: .venv/ready       ## README's forest plot from docs/figures/*.json
	python pipelines/figure.py

clean:                    ## what the stages and commands made; DVC's cache, the settings and metrics/ stay
	rm -rf data dataset models plots dvc_plots predictions release reports seeds search soups board multirun outputs mteb_results space logs wandb checkpoints site model.sig

.venv/ready: requirements.lock pyproject.toml
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	pip install --quiet --disable-pip-version-check -r requirements.lock
	pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@
