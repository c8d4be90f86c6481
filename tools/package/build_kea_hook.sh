#!/usr/bin/env bash
# Builds the Debian package of the hook library for the Kea that is installed here:
# build/package/leaseledger-kea-hook_VERSION+keaKEAVERSION_ARCH.deb. It depends on exactly that version of kea-common: Kea loads no
# other library, and does not start when it is told to. usage: tools/package/build_kea_hook.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

tools/install_dependencies.sh dpkg-dev kea-dev libboost-dev
cmake --preset package >/dev/null
cmake --build --preset package --target dhcp_leaseledger

kea=$(dpkg-query -W -f '${Version}' kea-common)
arch=$(dpkg --print-architecture)
version=$(sed -n 's/^project(leaseledger VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)+kea$(echo "$kea" | tr -c 'A-Za-z0-9.\n' .)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
DESTDIR=$root cmake --install build/package --component kea-hook >/dev/null
library=$(find "$root" -name libdhcp_leaseledger.so)
strip --strip-unneeded "$library"
chmod 644 "$library"
# Debian's Kea looks for hook libraries in its own folder.
hooks=$root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)/kea/hooks
mkdir -p "$hooks"
[ "$(dirname "$library")" = "$hooks" ] || mv "$library" "$hooks/"
install -Dm644 docs/kea_hook.md "$root/usr/share/doc/leaseledger-kea-hook/kea_hook.md"
install -Dm644 tools/package/debian/copyright "$root/usr/share/doc/leaseledger-kea-hook/copyright"
mkdir -p "$work/debian" "$root/DEBIAN"
printf 'Source: leaseledger\n\nPackage: leaseledger-kea-hook\nArchitecture: any\n' > "$work/debian/control"
needed=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info "root${hooks#"$root"}/libdhcp_leaseledger.so" 2>/dev/null |
         sed -n 's/^shlibs:Depends=//p')
cat > "$root/DEBIAN/control" <<EOF_CONTROL
Package: leaseledger-kea-hook
Version: $version
Architecture: $arch
Section: net
Priority: optional
Maintainer: leaseledger maintainers <maintainers@leaseledger.example>
Depends: kea-common (= $kea), ${needed:-libc6}
Recommends: leaseledger
Description: hook library that tells a lease ledger what Kea's DHCPv6 server does
 libdhcp_leaseledger.so reports every lease that kea-dhcp6 assigns, renews,
 releases, declines or expires, and what administrators do by command, to
 leaseledgerd; replies may be held until the ledger has them.
 .
 It works with Kea $kea only: kea-dhcp6 does not start with a hook library
 that was built for another version.
EOF_CONTROL
deb=build/package/leaseledger-kea-hook_${version}_$arch.deb
dpkg-deb --root-owner-group --build "$root" "$deb" >/dev/null
echo "$deb"
dpkg-deb --field "$deb" Depends
