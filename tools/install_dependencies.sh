#!/usr/bin/env bash
# Installs what is missing to build, test and document leaseledger on Debian 12. Run as root, or as a user with sudo.
# usage: tools/install_dependencies.sh [PACKAGE...]     more packages beside the project's own
set -euo pipefail

packages=(
  build-essential cmake ninja-build pkg-config
  libabsl-dev librocksdb-dev libcapnp-dev capnproto libspdlog-dev libgtest-dev libgmock-dev
  libssl-dev libcli11-dev nlohmann-json3-dev libexpected-dev liblz4-dev libxxhash-dev
  # The daemon.
  libtomlplusplus-dev libsystemd-dev prometheus-cpp-dev libcurl4-openssl-dev
  # Certificates of the tests.
  openssl
  # Man pages.
  scdoc
  "$@"
)

missing=()
for package in "${packages[@]}"; do
  if [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" != "install ok installed" ]; then
    missing+=("$package")
  fi
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "these packages are missing, and installing them needs root or sudo: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "installing: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
