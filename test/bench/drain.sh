#!/usr/bin/env bash
# make bench-drain: N messages wait for DOMAINS domains, each with an address of
# its own on the loopback network; the clock runs from their release until
# smtp-sink has counted them all. Beside it the relay of smtp-source to
# smtp-sink (test B of the harness). mtad and Postfix, in one run.
set -eu
cd "$(dirname "$0")/../.."
HARNESS=${HARNESS:-../shared/bench}
[ -f "$HARNESS/bench.sh" ] || { echo "bench: no harness at $HARNESS; set HARNESS" >&2; exit 2; }
export WORK=${WORK:-${TMPDIR:-/tmp}/mtabench} RES=${RES:-$(pwd)/bin/bench-drain}
export MTAD=$(pwd)/bin/mtad BENCH_DIR=$(pwd)/test/bench
export RUNS=${RUNS:-2} NB=${NB:-5000}
N=${N:-100000} DOMAINS=${DOMAINS:-1000}
rm -rf "$RES" "$WORK/harness"; mkdir -p "$RES" "$WORK/bin"; cp -r "$HARNESS" "$WORK/harness"; chmod -R u+w "$WORK/harness"
go build -o "$WORK/bin/fill" ./test/bench/fill

address() { echo "127.1.$(($1 / 250)).$(($1 % 250 + 1))"; }

# Waiting mail, for mtad: delivery suspended. Its connections are fewer than the
# sink's backlog takes: what overflows it is seen as a host that does not greet.
hold_mtad() {
  peer_setup queue
  echo "server_max_outbound_connections = 500" >> "$MD/mtad.conf"
  sed -i '/^relay_domains/s/=.*/= ["*.bench.test"]/' "$MD/mtad.conf"
  for d in $(seq 0 $((DOMAINS - 1))); do
    printf 'domain "d%d.bench.test" {\n  gateway = "%s"\n  remote_smtp_port = %d\n}\n' "$d" "$(address "$d")" "$SINK"
  done >> "$MD/mtad.conf"
}
release_mtad() { "$MTAD" console "$MD/control" config set suspend_delivery false; }

# For Postfix: its transport deferred.
hold_postfix() {
  for d in $(seq 0 $((DOMAINS - 1))); do
    echo "d$d.bench.test smtp:[$(address "$d")]:$SINK"
  done > "$WORK/transport"
  postmap "$WORK/transport"
  postfix_setup relay "transport_maps = hash:$WORK/transport
defer_transports = smtp"
}
release_postfix() {
  postconf -c "$PF/conf" -e defer_transports=
  postfix -c "$PF/conf" reload
  postqueue -c "$PF/conf" -f
}

drain() ( # drain NAME PEERFILE
  set +u # the harness was not written for it
  cd "$WORK/harness"; . ./lib.sh; . "$2"
  cg_make "$1"; prio; lock
  trap peer_stop EXIT
  hold_"$1"; port_free "$PORT"; peer_start
  for _ in $(seq "$RUNS"); do
    "$WORK/bin/fill" -addr "127.0.0.1:$PORT" -n "$N" -domains "$DOMAINS" -c 20
    sleep 2
    queued=$(peer_count)
    [ "$queued" = "$N" ] || echo "note: $1 holds $queued, sent $N" >&2
    export -f "release_$1"; export MD PF
    "$TOOL" measure -cg "$CG" -peer "$1" -test drain -n "$N" -limit "${LIMIT:-600s}" -out "$RES/load.tsv" \
      -sink "smtp-sink -u nobody -m 10000 -c 0.0.0.0:$SINK 1000" -- bash -c "release_$1 >/dev/null 2>&1"
    peer_stop; hold_"$1"; peer_start
  done
)

one() { ( cd "$WORK/harness" && NAME=$1 bash bench.sh "$2" B ) || echo "bench: $1 failed" >&2; }
one mtad "$BENCH_DIR/mtad.sh"
one postfix postfix
drain mtad "$BENCH_DIR/mtad.sh"
drain postfix peers/postfix.sh
bash test/bench/report.sh "$RES"
