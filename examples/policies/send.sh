#!/usr/bin/env bash
# Sends a short message and shows the dialogue; it needs bash alone.
#   send.sh [RECIPIENT [SENDER]]     PORT=2525
set -eu
to=${1:-alice@example.com}
from=${2:-you@example.org}

# reply prints a reply and takes its code.
reply() {
  while IFS= read -r line <&3; do
    line=${line%$'\r'}
    printf '%s\n' "$line"
    code=${line:0:3}
    [ "${line:3:1}" = - ] || return 0
  done
  exit 1 # the server hung up
}
say() { printf '> %s\n' "$1"; printf '%s\r\n' "$1" >&3; reply; }

exec 3<>"/dev/tcp/127.0.0.1/${PORT:-2525}"
reply
say 'EHLO me.example.org'
say "MAIL FROM:<$from>"
say "RCPT TO:<$to>"
[ "$code" != 250 ] || say DATA
[ "$code" != 354 ] || say $'Subject: hi\r\n\r\nhello\r\n.'
last=$code
say QUIT
[ "$last" = 250 ]
