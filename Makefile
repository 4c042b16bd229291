# OpenWFP: five words to remember; everything else is meson's.
#
#   make run     install what is missing, build, and block 168.63.129.16: on a capture, then live
#   make test    the whole suite; last line 'N passed, N failed'
#   make build   release build: build/wfp, build/wfp-cc, build/drivers/NAME.so and NAME.sys
#   make bench   benchmarks beside their peers (ONLY=NAME picks one)
#   make check   the whole gate: tools/check

BUILD ?= build

.PHONY: run test build bench check deps clean

deps:
	@tools/deps

$(BUILD)/build.ninja: | deps
	meson setup $(BUILD) -Dbuildtype=release -Db_ndebug=false

build: deps $(BUILD)/build.ninja
	@ninja -C $(BUILD)

run: build
	@tools/demo $(BUILD)

test: build
	@tools/run-tests $(BUILD)

bench: build
	@bench/run $(BUILD) $(ONLY)

check: deps
	@tools/check

clean:
	rm -rf $(BUILD) build-*
