#!/bin/sh
# Generates the Go code of module.proto with the generators pinned below. With
# --check it writes nothing and fails where the committed code is not what the
# generators make. It needs protoc (package protobuf-compiler) and go.
set -eu
cd "$(dirname "$0")"

GEN_GO=v1.36.12
GEN_GRPC=v1.6.2
GEN_VT=v0.6.1-0.20240319094008-0393e58bdf10

# The parts of a snapshot, which a module decodes thousands of times a second, are
# used again.
pools=
for message in State Conn Message; do
	pools="$pools,pool=github.com/mtad/mtad/sdk/rpc/pb.$message"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
GOBIN="$work" go install "google.golang.org/protobuf/cmd/protoc-gen-go@$GEN_GO"
GOBIN="$work" go install "google.golang.org/grpc/cmd/protoc-gen-go-grpc@$GEN_GRPC"
GOBIN="$work" go install "github.com/planetscale/vtprotobuf/cmd/protoc-gen-go-vtproto@$GEN_VT"

mkdir "$work/out"
PATH="$work:$PATH" protoc \
	--go_out="$work/out" --go_opt=paths=source_relative \
	--go-grpc_out="$work/out" --go-grpc_opt=paths=source_relative \
	--go-vtproto_out="$work/out" \
	--go-vtproto_opt=paths=source_relative,features=marshal+size+unmarshal_unsafe+pool"$pools" \
	module.proto

# The comment with protoc's own version is no difference: it depends on the
# distribution.
for f in "$work"/out/*.go; do
	sed -i '/^\/\/.*\bprotoc  *v/d' "$f"
done

if [ "${1:-}" = --check ]; then
	for f in "$work"/out/*.go; do
		cmp -s "$f" "$(basename "$f")" || {
			echo "$(basename "$f") is not current: run go generate ./sdk/rpc/pb" >&2
			exit 1
		}
	done
	exit 0
fi
cp "$work"/out/*.go .
