#!/usr/bin/env bash
# Installs what is missing, builds, and runs the everyday tests. usage: tools/test.sh [PRESET]   (default: dev)
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-dev}

tools/install_dependencies.sh
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset"
ctest --preset "$preset" -j "$(nproc)"
