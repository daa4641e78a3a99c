#!/bin/sh
# All tests, with the race detector, real servers included. go test's own lines
# are the report.
set -eu
cd "$(dirname "$0")/.."
unformatted=$(gofmt -l $(git ls-files '*.go'))
[ -z "$unformatted" ] || { echo "not gofmt'd:"; echo "$unformatted"; exit 1; }
go vet ./...
CGO_ENABLED=1 go test -race -timeout 30m ./...
go test ./test/lua51 # all of its programs
