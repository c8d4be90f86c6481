#!/usr/bin/env bash
# Measures leaseledger beside the systems that one would otherwise keep leases in: raw RocksDB, Kea's memfile,
# PostgreSQL, SQLite, etcd. All create the same leases, one system after the other, on the same disk; every system is
# asked afterwards whether it has them. Prints one table. Servers listen on loopback or Unix sockets in a temporary
# folder only, and are gone at the end, however the script ends.
#
# usage: tools/bench/compare.sh [OPTION...]
#   --seconds S       time for each measurement (default 10)
#   --rounds R        how often the systems take turns; the table shows medians (default 1)
#   --only NAME,...   of: leaseledger (raw RocksDB too), kea, postgresql, sqlite, etcd
#   --leases N        no measurement creates more than this (default 4000000)
#   --directory DIR   where the temporary folder is made: this is the disk that is measured (default /var/tmp)
#   --json FILE       all rows and the machine's description
#   --markdown FILE   the table, for a document
#   --install         installs the Debian packages that are missing, without starting their services
#   --keep            keeps the temporary folder
set -euo pipefail
umask 022  # the servers, which run as another user, read files made here

usage() { sed -n '/^# usage/,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; }
fail() {
  echo "compare.sh: $*" >&2
  exit 1
}

root=$(cd "$(dirname "$0")/../.." && pwd)
peers=$root/build/release/tools/bench/peers
leaseledger_bench=$root/build/release/tools/bench/leaseledger-bench
table=$root/tools/bench/compare_table.py
packages=(
  git python3 util-linux
  kea-dhcp6-server
  postgresql-15 libpq-dev
  libsqlite3-dev
  etcd-server libgrpc++-dev libprotobuf-dev protobuf-compiler-grpc
)
# Servers are in sbin, or outside of every search path.
postgresql_programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
PATH=$PATH:/usr/sbin:/sbin:$postgresql_programs

seconds=10
rounds=1
leases=4000000
all_systems=(leaseledger kea postgresql sqlite etcd)
systems=("${all_systems[@]}")
directory=/var/tmp
json_file=
markdown_file=
install=
keep=
while [ $# -gt 0 ]; do
  case "$1" in
    --install) install=1 && shift && continue ;;
    --keep) keep=1 && shift && continue ;;
    -h | --help) usage && exit 0 ;;
    --*) [ $# -ge 2 ] || { usage >&2; exit 2; } ;;
  esac
  case "$1" in
    --seconds) seconds=$2 ;;
    --rounds) rounds=$2 ;;
    --only) IFS=, read -r -a systems <<<"$2" ;;
    --leases) leases=$2 ;;
    --directory) directory=$2 ;;
    --json) json_file=$2 ;;
    --markdown) markdown_file=$2 ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift 2
done
for number in "$seconds" "$rounds" "$leases"; do
  [[ $number =~ ^[1-9][0-9]*$ ]] || fail "'$number' is not a whole number above 0"
done
for system in "${systems[@]}"; do
  [[ " ${all_systems[*]} " == *" $system "* ]] || fail "--only: '$system' is none of ${all_systems[*]}"
done

# ---------------------------------------------------------------- set up, clean up

work=
server=       # process that runs now, if any
server_stop=  # signal that ends it
driver=

stop_process() {
  local pid=$1 signal=$2
  kill -s "$signal" "$pid" 2>/dev/null || true
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -s KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

stop_server() {
  if [ -n "$server" ]; then stop_process "$server" "$server_stop"; fi
  server=
}

made_policy=

# as_root COMMAND...
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

clean_up() {
  if [ -n "$made_policy" ]; then as_root rm -f "$policy"; fi
  if [ -n "$driver" ]; then stop_process "$driver" TERM; fi
  stop_server
  if [ -z "$work" ]; then return; fi
  if [ -n "$keep" ]; then echo "kept: $work" >&2; else rm -rf "$work"; fi
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Debian starts a server as soon as it is installed, unless this file says no.
policy=/usr/sbin/policy-rc.d
install_packages() {
  if [ ! -e "$policy" ]; then
    made_policy=1
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  "$root/tools/install_dependencies.sh" "${packages[@]}" >&2
  if [ -d /run/systemd/system ]; then
    echo "these start with the machine from now on, if they are not disabled: postgresql etcd kea-dhcp6-server" >&2
  fi
}

build() {
  local wanted=(bench_peers)
  cmake -S "$root" --preset release >&2
  if cmake --build "$root/build/release" --target help | grep '^leaseledger-bench:' >/dev/null; then
    wanted+=(leaseledger-bench)
  fi
  cmake --build "$root/build/release" --target "${wanted[@]}" >&2
}

# as_server SIGNAL PROGRAM ARGUMENT...   Not as root: no server here needs it, and PostgreSQL refuses it. When this script
# is killed, the kernel sends the signal.
server_owner=
if [ "$(id -u)" -eq 0 ]; then server_owner=nobody; fi
as_server() {
  local options=(--pdeathsig "$1")
  if [ -n "$server_owner" ]; then
    options+=(--reuid "$server_owner" --regid "$(id -g "$server_owner")" --clear-groups)
  fi
  shift
  cd "$work/server" && exec setpriv "${options[@]}" "$@"
}

new_server_folder() {
  rm -rf "$work/server"
  mkdir -m 700 "$work/server"
  if [ -n "$server_owner" ]; then chown "$server_owner" "$work/server"; fi
}

# start_server SIGNAL PROGRAM ARGUMENT...   its output goes to the server's folder
start_server() {
  command -v "$2" >/dev/null || { reason="$2 is not installed (compare.sh --install)" && return 1; }
  server_stop=$1
  as_server "$@" >"$work/server/output" 2>&1 </dev/null &
  server=$!
}

# wait_for_server COMMAND...   until the command succeeds
wait_for_server() {
  for _ in $(seq 150); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  reason="the server did not start: $(tail -n 1 "$work/server/output")"
  return 1
}

free_port() {
  python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# ---------------------------------------------------------------- measure

reason=  # why the last step failed

disk_us() { "$peers/probe-disk" --directory "$work" --seconds 0.5 | grep -o '"p50_us":[0-9]*' | cut -d: -f2; }

# A measurement begins when the disk is as it was at the beginning, or after a while; the row says how it was.
settle() {
  sync -f "$work"
  disk_now=$(disk_us)
  for _ in $(seq 20); do
    if [ "$disk_now" -le $((disk_at_start * 3 / 2)) ]; then return; fi
    sleep 1
    disk_now=$(disk_us)
  done
  echo "  the disk or the machine is busy: fdatasync takes $disk_now us, $disk_at_start us at the beginning" >&2
}

# record_failure NAME MODE   with the reason in $reason
record_failure() {
  echo "  left out: $1, $2: $reason" >&2
  python3 "$table" failure "$1" "$2" "$round" "$reason" >>"$work/rows"
}

# run_driver NAME MODE PROGRAM ARGUMENT...   in the background, so that a signal is obeyed at once
run_driver() {
  local name=$1 mode=$2 status=0 disk_before=$disk_now
  shift 2
  if [ ! -x "$1" ]; then
    reason="${1##*/} was not built"
    record_failure "$name" "$mode"
    return
  fi
  timeout $((seconds * 20 + 300)) "$@" >"$work/new_rows" 2> >(tee "$work/driver_says" >&2) &
  driver=$!
  wait "$driver" || status=$?
  driver=
  # Somebody else's work that began meanwhile shows afterwards.
  sync -f "$work"
  disk_now=$(disk_us)
  sed "s/}\$/,\"round\":$round,\"disk_us\":[$disk_before,$disk_now]}/" "$work/new_rows" >>"$work/rows"
  if [ $status -ne 0 ]; then
    sleep 0.2  # tee may still write
    reason="exit status $status: $(tail -n 1 "$work/driver_says")"
    record_failure "$name" "$mode"
  fi
}

# measure NAME CALLERS BATCH DRIVER ARGUMENT...
measure() {
  local name=$1 callers=$2 batch=$3
  shift 3
  run_driver "$name" "$callers x $batch" "$@" --seconds "$seconds" --leases "$leases" --callers "$callers" \
    --batch "$batch"
}

turn_of_leaseledger() {
  mkdir -m 700 "$work/leaseledger"
  settle
  run_driver leaseledger "all modes" "$leaseledger_bench" compare --json --directory "$work/leaseledger" --seconds "$seconds"
  rm -rf "$work/leaseledger"
}

start_kea() {
  local folder=$work/server hook
  hook=$(printf '%s\n' /usr/lib/*/kea/hooks/libdhcp_lease_cmds.so | head -n 1)
  new_server_folder
  "$peers/peer-kea" --configuration-for "$folder" --hook "$hook" --leases "$leases" >"$folder/kea.conf"
  KEA_PIDFILE_DIR=$folder KEA_LOCKFILE_DIR=$folder start_server TERM kea-dhcp6 -c "$folder/kea.conf" || return 1
  wait_for_server python3 "$root/tools/kea/control_channel.py" "$folder/control" version-get
}

turn_of_kea() {
  local callers
  for callers in 1 64; do
    settle
    if start_kea; then
      measure kea $callers 1 "$peers/peer-kea" --socket "$work/server/control"
    else
      record_failure kea "$callers x 1"
    fi
    stop_server
  done
}

# What one sets on a machine that does little else; everything else is as it comes.
postgresql_settings() {
  local ram_mb buffers_mb
  ram_mb=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024))
  buffers_mb=$((ram_mb / 4 < 4096 ? ram_mb / 4 : 4096))
  cat <<SETTINGS
listen_addresses = ''
dynamic_shared_memory_type = mmap  # in its folder: nothing is left behind
unix_socket_directories = '$work/server'
max_connections = 100
shared_buffers = ${buffers_mb}MB
effective_cache_size = $((ram_mb / 2))MB
maintenance_work_mem = 512MB
wal_compression = lz4
max_wal_size = 8GB
min_wal_size = 1GB
checkpoint_timeout = 15min
random_page_cost = 1.1
effective_io_concurrency = 200
synchronous_commit = on
SETTINGS
}

start_postgresql() {
  local folder=$work/server
  new_server_folder
  command -v initdb >/dev/null || { reason="PostgreSQL is not installed (compare.sh --install)" && return 1; }
  if ! (as_server TERM initdb -D "$folder/data" -A trust -U bench -E UTF8 --locale=C.UTF-8 \
    --no-sync) >"$folder/initdb" 2>&1; then
    reason="initdb: $(tail -n 1 "$folder/initdb")"
    return 1
  fi
  postgresql_settings >>"$folder/data/postgresql.conf"
  start_server INT postgres -D "$folder/data" || return 1
  wait_for_server pg_isready -h "$folder" -U bench -d postgres
}

turn_of_postgresql() {
  local mode callers batch
  if start_postgresql; then
    for mode in "1 1" "64 1" "1 1000" "8 1000"; do
      read -r callers batch <<<"$mode"
      settle
      measure postgresql "$callers" "$batch" "$peers/peer-postgresql" --schema "$root/tools/bench/peers/postgresql.sql" \
        --connection "host=$work/server user=bench dbname=postgres"
    done
  else
    record_failure postgresql "all modes"
  fi
  stop_server
}

turn_of_sqlite() {
  local mode callers batch
  for mode in "1 1" "64 1" "1 1000"; do
    read -r callers batch <<<"$mode"
    mkdir -m 700 "$work/sqlite"
    settle
    measure sqlite "$callers" "$batch" "$peers/peer-sqlite" --schema "$root/tools/bench/peers/sqlite.sql" \
      --database "$work/sqlite/leases.db"
    rm -rf "$work/sqlite"
  done
}

start_etcd() {
  local client peer
  client=$(free_port)
  peer=$(free_port)
  etcd_endpoint=127.0.0.1:$client
  new_server_folder
  start_server TERM etcd --data-dir "$work/server/data" --quota-backend-bytes $((8 << 30)) --logger zap \
    --log-level warn --listen-client-urls "http://$etcd_endpoint" --advertise-client-urls "http://$etcd_endpoint" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
    --initial-cluster "default=http://127.0.0.1:$peer" || return 1
  wait_for_server python3 -c \
    "import urllib.request as u; u.urlopen('http://$etcd_endpoint/health', timeout=1)"
}

turn_of_etcd() {
  local mode callers batch
  for mode in "1 1" "64 1" "1 63" "8 63"; do  # 63: as many creates as etcd takes in a transaction
    read -r callers batch <<<"$mode"
    settle
    if start_etcd; then
      measure etcd "$callers" "$batch" "$peers/peer-etcd" --endpoint "$etcd_endpoint"
    else
      record_failure etcd "$callers x $batch"
    fi
    stop_server
  done
}

# ---------------------------------------------------------------- all of it

if [ -n "$install" ]; then install_packages; fi
build
work=$(mktemp -d "$directory/leaseledger-compare.XXXXXX")
chmod 711 "$work"  # the servers' user goes through it
[ "$(stat -f -c %T "$work")" != tmpfs ] || fail "$directory is in memory: nothing there is durable (--directory)"
[ "$(df --output=avail -B1G "$work" | tail -n 1)" -ge 12 ] || fail "less than 12 GB are free in $directory"

started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
revision=$(git -C "$root" describe --always --dirty --abbrev=12)
round=0
"$peers/probe-disk" --directory "$work" --seconds 2 >"$work/probe"
disk_at_start=$(disk_us)
: >"$work/rows"
for round in $(seq "$rounds"); do
  for system in "${systems[@]}"; do
    echo "round $round of $rounds: $system" >&2
    "turn_of_$system"
  done
done

python3 "$table" collect --rows "$work/rows" --probe "$work/probe" --directory "$work" --date "$started" \
  --revision "$revision" --seconds "$seconds" --rounds "$rounds" >"$work/result.json"
if [ -n "$json_file" ]; then cp "$work/result.json" "$json_file"; fi
if [ -n "$markdown_file" ]; then python3 "$table" show --markdown "$work/result.json" >"$markdown_file"; fi
python3 "$table" show "$work/result.json"
