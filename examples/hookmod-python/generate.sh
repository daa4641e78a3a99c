#!/bin/sh
# Makes module_pb2.py from the contract, beside this script or in the directory
# given. It needs protoc of the same release series as the protobuf package of
# Python (Debian: protobuf-compiler and python3-protobuf).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
proto=${MTAD_PROTO:-$here/../../sdk/rpc/pb}
protoc --proto_path="$proto" --python_out="${1:-$here}" module.proto
