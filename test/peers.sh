#!/bin/sh
# Unpacks the mail servers whose Debian packages exclude Postfix: Exim and
# OpenSMTPD. Their programs are not on the PATH: the tests find them under
# /opt/mtad-peers. What OpenSMTPD has compiled in, its helpers and its users, is
# put where it looks for it. test/setup.sh installs their libraries and calls this.
set -eu

peers=/opt/mtad-peers
missing=""
wanted() { # wanted PACKAGE FILE
  [ -e "$peers/$2" ] || missing="$missing $1"
}
wanted exim4-daemon-light usr/sbin/exim4
wanted opensmtpd usr/sbin/smtpd
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "peers: not root, or no apt-get; tests that need these packages are skipped:$missing" >&2
  exit 0
fi
echo "peers: unpacking$missing"
[ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mmin -60)" ] || apt-get update -qq
debs=$(mktemp -d)
trap 'rm -rf "$debs"' EXIT
# shellcheck disable=SC2086
(cd "$debs" && apt-get download -qq -o APT::Sandbox::User=root $missing)
for user in Debian-exim opensmtpd opensmtpq; do
  id "$user" >/dev/null 2>&1 || useradd -r -U -M -d /nonexistent -s /usr/sbin/nologin "$user"
done
for deb in "$debs"/*.deb; do dpkg -x "$deb" "$peers"; done
[ -e /usr/libexec/opensmtpd ] || { mkdir -p /usr/libexec && ln -s "$peers/usr/libexec/opensmtpd" /usr/libexec/opensmtpd; }
mkdir -p /var/lib/opensmtpd/empty
