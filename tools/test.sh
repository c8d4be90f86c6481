#!/usr/bin/env bash
# Installs what is missing, builds, and runs the everyday tests. usage: tools/test.sh [PRESET]   (default: dev)
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-dev}

# Beside what the build needs: the real Kea, with which the ledger is tried, and what those tests call.
tools/install_dependencies.sh kea-dev libboost-dev kea-dhcp6-server kea-admin iproute2 procps python3 curl tzdata
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset"
ctest --preset "$preset" -j "$(nproc)"
