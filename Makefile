# make run     builds mtad and serves on 127.0.0.1:2525 with the sample policy
# make test    sets up what the tests need, and runs all of them
# make quick   format, vet, arrows between packages, generated files, unit tests
# make bench   the benchmark beside a do-nothing server and Postfix
# make bench-drain  relay, and 100,000 waiting messages to 1,000 domains, beside Postfix

GO      ?= go
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo development)
LDFLAGS  = -s -w -X main.version=$(VERSION)
BIN      = bin/mtad

.PHONY: build run test quick setup bench bench-drain generate clean

build:
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/mtad

run: build
	@sh examples/policies/run.sh $(BIN)

test: setup
	@sh test/all.sh

quick:
	@sh test/quick.sh

setup:
	@sh test/setup.sh

bench: build
	@bash test/bench/run.sh

bench-drain: build
	@bash test/bench/drain.sh

generate:
	$(GO) generate ./...

clean:
	rm -rf bin run
