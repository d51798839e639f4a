# The front door. The real build is Meson's (meson.build); everything below lands in build/.
#
#   make          the release build, in build/release
#   make run      a demonstration: a gateway with a source system and a consumer, on this machine
#   make test     every build, every check, every test
#   make bench    side by side with OpenSSH and others
#   make fuzz     every fuzz target for FUZZ_SECONDS (60) seconds
#   make install  into PREFIX (/usr/local), below DESTDIR if that is set
#   make format   clang-format over all sources
#   make clean

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
JOBS ?= $(shell nproc)
RELEASE = build/release

.PHONY: all run test bench fuzz install clean format

all: $(RELEASE)/build.ninja
	ninja -j $(JOBS) -C $(RELEASE)

$(RELEASE)/build.ninja:
	scripts/install-deps build
	scripts/setup release

run: all
	scripts/install-deps run
	scripts/demo

test:
	scripts/install-deps build test
	tests/run

bench: all
	scripts/install-deps bench
	bench/run

fuzz:
	scripts/install-deps build fuzz
	scripts/fuzz

install: all
	meson configure $(RELEASE) -Dprefix=$(PREFIX) -Dsysconfdir=$(SYSCONFDIR)
	meson install -C $(RELEASE)

clean:
	rm -rf build

format:
	scripts/install-deps test
	scripts/check-format --fix
