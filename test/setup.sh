#!/bin/sh
# Installs what the tests talk to: Debian packages, where we are root and apt is
# there. Elsewhere it says what will be skipped, and why.
set -eu

missing=""
want() { # want PACKAGE FILE-PATTERN...
  package=$1; shift
  for pattern in "$@"; do
    for f in $pattern; do [ -e "$f" ] && return 0; done
    command -v "$pattern" >/dev/null 2>&1 && return 0
  done
  missing="$missing $package"
}
want postfix /usr/sbin/smtp-source
want swaks swaks
want libnet-ssleay-perl '/usr/lib/*/perl5/*/Net/SSLeay.pm'
want msmtp msmtp
want libsasl2-modules '/usr/lib/*/sasl2/libplain.so'
want libdb5.3 '/usr/lib/*/libdb-5.3.so' # these five: what peers.sh unpacks
want libevent-2.1-7 '/usr/lib/*/libevent-2.1.so.7'
want libgnutls-dane0 '/usr/lib/*/libgnutls-dane.so.0'
want libidn12 '/usr/lib/*/libidn.so.12'
want libnsl2 '/usr/lib/*/libnsl.so.2'
want postgresql '/usr/lib/postgresql/*/bin/postgres'
want mariadb-server-core /usr/sbin/mariadbd
want mariadb-client-core my_print_defaults
want slapd /usr/sbin/slapd
want redis-server redis-server
want clamav-daemon clamd
want python3 python3
/usr/bin/python3 -c 'import grpc, google.protobuf' 2>/dev/null || missing="$missing python3-grpcio python3-protobuf"
want protobuf-compiler-grpc grpc_python_plugin
want protobuf-compiler protoc
want gcc gcc
want lua5.1 lua5.1

[ -n "$missing" ] || exec sh "$(dirname "$0")/peers.sh"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "setup: not root, or no apt-get; tests that need these packages are skipped:$missing" >&2
  exit 0
fi
echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
exec sh "$(dirname "$0")/peers.sh"
