#!/bin/sh
# Serves the sample policy from ./run. Called by `make run` with the binary. What
# is in ./run already stays as it is: it is yours to change.
set -eu
mtad=$1
here=$(dirname "$0")
run=$(pwd)/run
mkdir -p "$run"
[ -d "$run/myscripts" ] || cp -r "$here/myscripts" "$run/myscripts"
quoted=$(printf %s "$run" | sed 's/[&|\\]/\\&/g')
for name in mtad sink; do
  [ -f "$run/$name.conf" ] || sed "s|@RUN@|$quoted|g" "$here/$name.conf.in" > "$run/$name.conf"
done
"$mtad" check --conf "$run/mtad.conf"
cat <<TXT

mtad serves SMTP on 127.0.0.1:2525. Its configuration, scripts, spool and logs are in ./run.
In another terminal, try:

  bash $here/send.sh alice@example.com
  tail ./run/log/paniclog.ec ./run/log/mainlog.ec
  $mtad console ./run/control mailq

README.md goes on from here. Ctrl-C stops mtad.

TXT
exec "$mtad" serve --conf "$run/mtad.conf"
