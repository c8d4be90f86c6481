#!/bin/bash
# The codes of servers elsewhere, over TLS: tls_test.sh LEASELEDGERD SHOW_LEASES
set -u
daemon=$1
program=$2
command -v openssl > /dev/null || { echo "no openssl program"; exit 77; }
work=$(mktemp -d)
cd "$work" || exit 1
issuer() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days 2 -subj "/CN=$1"
}
certificate() {  # file, common name, issuer
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$2"
  printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n' > extensions
  openssl x509 -req -in "$1.csr" -CA "$3.pem" -CAkey "$3.key" -CAcreateserial -days 2 -out "$1.pem" -extfile extensions
}
{
  issuer ours
  issuer other
  certificate server dhcp1 ours
  certificate client admin1 ours
  certificate stranger nobody ours
  certificate forged admin1 other
} > openssl.log 2>&1 || { cat openssl.log; exit 1; }
mkdir -p config/leaseledger
cp ours.pem config/leaseledger/ca.pem
cp client.pem client.key config/leaseledger/
port=$((20000 + $$ % 20000))
cat > leaseledgerd.toml << END
[ledger]
directory = "$work/ledger"
[listen]
unix = "$work/sock"
tls = "127.0.0.1:$port"
http = ""
[tls]
certificate = "$work/server.pem"
key = "$work/server.key"
client_ca = "$work/ours.pem"
[[tls.principal]]
common_name = "admin1"
role = "administrator"
END
"$daemon" --config leaseledgerd.toml > log 2>&1 &
pid=$!
for _ in $(seq 200); do
  [ -S sock ] && break
  sleep 0.05
done
sleep 0.2

unset LEASELEDGER_SERVER LEASELEDGER_CA_FILE LEASELEDGER_CERT_FILE LEASELEDGER_KEY_FILE
export XDG_CONFIG_HOME=$work/config
failed=0
expect() {  # what, the last line, program and its environment
  local what=$1 wanted=$2 out
  shift 2
  out=$(timeout 20 env "$@" 2>&1 | tail -1)
  [ "$out" = "$wanted" ] || { echo "$what: '$out', not '$wanted'"; failed=1; }
}
here=tls:localhost:$port
expect "the right certificate" "0 leases" "$program" "$here"
expect "by the environment" "0 leases" LEASELEDGER_SERVER="$here" "$program"
expect "nobody's certificate" "failed with error 5" \
  LEASELEDGER_CERT_FILE=stranger.pem LEASELEDGER_KEY_FILE=stranger.key "$program" "$here"
expect "another issuer's certificate" "failed with error 5" \
  LEASELEDGER_CERT_FILE=forged.pem LEASELEDGER_KEY_FILE=forged.key "$program" "$here"
expect "a server that is not believed" "failed with error 5" LEASELEDGER_CA_FILE=other.pem "$program" "$here"
expect "no certificate" "failed with error 5" XDG_CONFIG_HOME=/nonexistent LEASELEDGER_CA_FILE=ours.pem "$program" "$here"
expect "a file that is not there" "failed with error 5" LEASELEDGER_CERT_FILE=/nonexistent "$program" "$here"
expect "a key of another certificate" "failed with error 5" LEASELEDGER_KEY_FILE=stranger.key "$program" "$here"
expect "a name that does not resolve" "failed with error 1722" "$program" no-such-host.invalid
expect "nobody listens" "failed with error 1722" "$program" tls:localhost:1

kill "$pid"
wait "$pid" || { cat log; failed=1; }
rm -rf "$work"
exit $failed
