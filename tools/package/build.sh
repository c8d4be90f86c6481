#!/usr/bin/env bash
# Builds the Debian package: build/package/leaseledger_VERSION_ARCH.deb. usage: tools/package/build.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

tools/install_dependencies.sh dpkg-dev
cmake --preset package >/dev/null
cmake --build --preset package
cpack --preset package
deb=$(ls -t build/package/leaseledger_*.deb | head -1)
echo "$deb"
if command -v lintian >/dev/null; then lintian --tag-display-limit 0 "$deb" || true; fi
