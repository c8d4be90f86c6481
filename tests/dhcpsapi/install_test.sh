#!/bin/bash
# A program as it is written for Windows, built against the installed library: install_test.sh BUILD SOURCE
set -eu
build=$1
source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" --component dhcpsapi > /dev/null

pc=$(dirname "$(find "$work/prefix" -name dhcpsapi.pc)")
lib=$(dirname "$pc")
export PKG_CONFIG_PATH=$pc
# Unquoted: pkg-config prints words.
cc -Wall -Wextra -Werror $(pkg-config --cflags dhcpsapi) -o "$work/show_leases" "$source/programs/show_leases.c" \
  $(pkg-config --libs dhcpsapi)
LEASELEDGER_SERVER=unix:/nonexistent/sock LD_LIBRARY_PATH=$lib "$work/show_leases" | grep -q 'failed with error 1722'

mkdir "$work/project"
cat > "$work/project/CMakeLists.txt" << END
cmake_minimum_required(VERSION 3.13)
project(consumer C CXX)
find_package(dhcpsapi REQUIRED)
add_executable(create_scope $source/programs/create_scope.cpp)
target_link_libraries(create_scope PRIVATE dhcpsapi::windows)
add_executable(calls main.c)
target_link_libraries(calls PRIVATE dhcpsapi::dhcpsapi)
END
cat > "$work/project/main.c" << END
#include <dhcpsapi.h>
int main(void) { return DhcpV6CreateClientInfo(u"no such host!", NULL) == RPC_S_SERVER_UNAVAILABLE ? 0 : 1; }
END
cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/prefix" > /dev/null
cmake --build "$work/project/build" > /dev/null
"$work/project/build/calls"
LEASELEDGER_SERVER=unix:/nonexistent/sock "$work/project/build/create_scope" 20010DB800000000 name 2>&1 | grep -q 'error 1722'

if command -v scdoc > /dev/null; then
  grep -q 'so man3/dhcpsapi.3' "$work/prefix/share/man/man3/DhcpGetMibInfoV6.3"
fi
# Nothing but the calls, what windows.h stands on, and main() for wmain().
exported=$(nm -D --defined-only "$lib/libdhcpsapi.so" | awk '{print $3}' | sed 's/@.*//' |
  grep -vE '^(Dhcp(V6|Rpc)?[A-Za-z]+(V6|Info|Address|Memory)|dhcpsapi_[A-Za-z0-9_]+|main|DHCPSAPI_1)$' || true)
[ -z "$exported" ] || { echo "exported too: $exported"; exit 1; }
readelf -d "$lib/libdhcpsapi.so" | grep -q 'soname: \[libdhcpsapi.so.1\]'
