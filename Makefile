# The commands of a new user: `make demo` and `make test`.
SWIFT ?= swift
BUILD := .build/release
PROMPT ?= There was once a goose
APT := libpcre2-dev
RISCV := qemu-system-misc gcc-riscv64-unknown-elf

.PHONY: setup setup-riscv demo test test-spark check-full bench spark spark-stop dist default-model lint format clean

# Installs the system libraries where it may, and says what is missing where it may not.
setup:
	@if ! pkg-config --exists libpcre2-8 2>/dev/null && [ ! -f /usr/include/pcre2.h ]; then \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq $(APT) >/dev/null; \
	  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then \
	    sudo apt-get update -qq && sudo apt-get install -y -qq $(APT) >/dev/null; \
	  else echo "missing: $(APT); install it with your package manager" >&2; exit 1; fi; fi

# Installs what runs firmware (QEMU) and what our float routines are compared with (GCC's libgcc). Without
# them the firmware tests say so and pass.
setup-riscv:
	@if ! command -v qemu-system-riscv32 >/dev/null || ! command -v riscv64-unknown-elf-gcc >/dev/null; then \
	  if [ "$$(id -u)" = 0 ]; then sudo=; else sudo="sudo -n"; fi; \
	  $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends $(RISCV) >/dev/null \
	  || { echo "missing: $(RISCV); install them with your package manager" >&2; exit 1; }; fi

demo: setup
	$(SWIFT) build -c release --build-tests
	$(BUILD)/skein generate --prompt "$(PROMPT)" --temp 0.7 --top-p 0.95 --seed 1 --max-tokens 300

test: setup
	$(SWIFT) build -c release --build-tests
	$(SWIFT) test -c release --skip-build

# The Spark suites against servers of their own, which stop when they are done; needs the build of `make test`.
test-spark:
	bash Scripts/spark.sh start && $(SWIFT) test -c release --skip-build --no-parallel --filter SparkTests; \
	  status=$$?; bash Scripts/spark.sh stop; exit $$status

# Slower than CI should be: long fuzzing, emulated instruction sets, files read by llama.cpp, which it builds.
check-full: test
	SKEIN_FUZZ_ITERATIONS=100000 $(SWIFT) test -c release --skip-build --filter Fuzz
	SKEIN_SOFT_FLOAT_PAIRS=10000000 $(SWIFT) test -c release --skip-build --filter SoftFloat
	SKEIN_ENGINE_OPERATIONS=1000000 $(SWIFT) test -c release --skip-build --filter EngineModel
	bash Scripts/check-isa.sh
	$(SWIFT) run -c release --package-path Benchmarks Benchmarks --seconds 0.01
	python3 Scripts/check_chat.py $(BUILD)/skein
	sh Scripts/check_llama.sh $(BUILD)/skein
	$(MAKE) dist
	bash Scripts/check_dist.sh

# The parts (Benchmarks, a package of its own), then the whole: FILTER=product/Q8_0 chooses parts.
FILTER ?=
bench: setup
	$(SWIFT) run -c release --package-path Benchmarks Benchmarks $(if $(FILTER),--filter $(FILTER))
	$(SWIFT) build -c release --build-tests
	$(BUILD)/skein bench --bandwidth
	$(BUILD)/skein bench -p 64 -n 64 -r 3

# Two Spark Connect servers on this machine, from PyPI: `local` and `cluster` in .spark/*.url.
spark:
	bash Scripts/spark.sh start

spark-stop:
	bash Scripts/spark.sh stop

# One binary with the Swift runtime and PCRE2 inside, which needs no file of the system.
dist: setup
	$(SWIFT) build -c release --product skein --scratch-path .build-dist -Xswiftc -static-executable
	mkdir -p dist && cp .build-dist/release/skein dist/skein && strip dist/skein

# The model in Models/stories again, from stories told here and the texts in TEXTS (see Models/stories/README.md):
# about an hour on two cores. Stopped and started again, it goes on.
TEXTS ?= texts
RUN ?= runs/default
default-model: setup
	$(SWIFT) build -c release --build-tests
	mkdir -p $(RUN)-data && cp $(TEXTS)/*.txt Recipes/default.yaml $(RUN)-data
	cd $(RUN)-data && $(abspath $(BUILD))/skein stories --count 60000 --seed 2026 --output stories.jsonl
	cd $(RUN)-data && $(abspath $(BUILD))/skein stories --count 600 --seed 7 --held-out --output held-out.jsonl
	cd $(RUN)-data && $(abspath $(BUILD))/skein train --config default.yaml --output $(abspath $(RUN)) \
	  $$([ -f $(abspath $(RUN))/run.json ] && echo --resume)
	python3 Scripts/ship_model.py $(RUN) Models/stories --skein $(BUILD)/skein

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources
	bash Scripts/check-sizes.sh
	@if clang-format --version 2>/dev/null | grep -q 'version 14'; then \
	  clang-format --dry-run --Werror $$(git ls-files '*.c' '*.h' | grep -v CPCRE2); fi

format:
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources
	@if command -v clang-format >/dev/null; then \
	  clang-format -i $$(git ls-files '*.c' '*.h' | grep -v CPCRE2); fi

clean:
	rm -rf .build .build-dist dist
