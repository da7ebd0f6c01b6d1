#!/usr/bin/env bash
# Sources/SkeinSpark/Generated from Sources/SkeinSpark/connect.proto.
# Needs python3 (or what PYTHON names) with grpcio-tools, and protoc-gen-swift of swift-protobuf 1.39: pass its path.
set -euo pipefail
cd "$(dirname "$0")/../Sources/SkeinSpark"
"${PYTHON:-python3}" -m grpc_tools.protoc --plugin=protoc-gen-swift="$1" \
    --swift_opt=Visibility=Package --swift_opt=UseAccessLevelOnImports=true \
    --swift_out=Generated -I. connect.proto
