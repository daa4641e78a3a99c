#!/bin/sh
# Serves the sample policy from ./run. Called by `make run` with the binary.
set -eu
mtad=$1
here=$(dirname "$0")
run=$(pwd)/run
mkdir -p "$run"
[ -d "$run/myscripts" ] || cp -r "$here/myscripts" "$run/myscripts"
[ -f "$run/mtad.conf" ] || sed "s|@RUN@|$run|g" "$here/mtad.conf.in" > "$run/mtad.conf"
"$mtad" check --conf "$run/mtad.conf"
cat <<TXT

mtad serves SMTP on 127.0.0.1:2525. Its configuration, scripts, spool and logs are in ./run.
In another terminal, try:

  printf 'EHLO me\r\nMAIL FROM:<you@example.org>\r\nRCPT TO:<alice@example.com>\r\nDATA\r\nSubject: hi\r\n\r\nhello\r\n.\r\nQUIT\r\n' | nc -N 127.0.0.1 2525
  tail ./run/log/paniclog.ec ./run/log/mainlog.ec
  $mtad console ./run/control mailq

TXT
exec "$mtad" serve --conf "$run/mtad.conf"
