#!/usr/bin/env bash
# make bench: receive and queue, delivery held, with 0, 3 and 8 Lua callouts, in
# both isolations, one message a connection and many, beside a do-nothing server
# and Postfix, in one run. HARNESS is the folder of the benchmark harness (its
# bench.sh takes a peer file); RUNS, N1, ND, LAT1 and LAT20 set the sizes.
set -u
cd "$(dirname "$0")/../.."
HARNESS=${HARNESS:-../shared/bench}
[ -f "$HARNESS/bench.sh" ] || { echo "bench: no harness at $HARNESS; set HARNESS" >&2; exit 2; }
export WORK=${WORK:-${TMPDIR:-/tmp}/mtabench} RES=${RES:-$(pwd)/bin/bench}
export MTAD=$(pwd)/bin/mtad BENCH_DIR=$(pwd)/test/bench
export RUNS=${RUNS:-3} N1=${N1:-5000} ND=${ND:-8000}
rm -rf "$RES" "$WORK/harness"; mkdir -p "$RES" "$WORK"; cp -r "$HARNESS" "$WORK/harness"; chmod -R u+w "$WORK/harness"
# The machine may not let us weigh groups of processes; the load is the same for all.
one() { ( cd "$WORK/harness" && NAME=$1 bash bench.sh "$2" ${3:-A} ) || echo "bench: $1 failed" >&2; }
peer=$BENCH_DIR/mtad.sh
one null null
for isolation in core process; do
  for callouts in 0 3 8; do
    [ "$isolation $callouts" != "process 0" ] || continue # no module, no isolation
    name=mtad-$callouts; [ "$callouts" = 0 ] || name=$name-$isolation
    MTAD_ISOLATION=$isolation MTAD_CALLOUTS=$callouts one "$name" "$peer" "A E"
  done
done
one postfix postfix "A E"
one null null # once more: how far the machine drifted
bash test/bench/report.sh "$RES"
