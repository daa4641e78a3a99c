# A peer file for the side-by-side MTA benchmark: mtad with delivery held
# (suspend_delivery), durable before 250. MTAD is the binary, MTAD_CALLOUTS the
# number of Lua callouts (0, 3 or 8), MTAD_ISOLATION where they run.
MTAD=${MTAD:?the mtad binary}
MD=$WORK/mtad
BENCH_DIR=${BENCH_DIR:?the folder of this file}
peer_version() { "$MTAD" version; }

mtad_conf() { # mtad_conf CALLOUTS DELIVERY
  cat <<EOF
hostname         = "mta.bench.test"
spoolbase        = "$MD/spool"
relay_domains    = ["bench.test"]
suspend_delivery = $2
esmtp_listener {
  listen "127.0.0.1:$PORT" {}
}
control_listener {
  listen "$MD/control" {}
}
ec_logger "main" {
  mainlog   = "$MD/mainlog.ec"
  paniclog  = "$MD/paniclog.ec"
  rejectlog = "$MD/rejectlog.ec"
}
domain "bench.test" {
  gateway          = "127.0.0.1"
  remote_smtp_port = $SINK
}
EOF
  [ "$1" = 0 ] || cat <<EOF
alerting {
  isolation = "${MTAD_ISOLATION:-process}"
}
scriptlet "scriptlet" {
  isolation = "${MTAD_ISOLATION:-process}"
  script "policy" {
    source = "policy$1"
  }
}
EOF
}

peer_setup() {
  rm -rf "$MD"; mkdir -p "$MD"
  cp "$BENCH_DIR"/policy*.lua "$MD"
  case $1 in
  queue)  mtad_conf "${MTAD_CALLOUTS:-0}" true ;;
  policy) mtad_conf "${MTAD_CALLOUTS:-8}" true ;;
  relay)  mtad_conf "${MTAD_CALLOUTS:-0}" false ;;
  esac > "$MD/mtad.conf"
}
peer_start() { bg mtad "$MTAD" serve --conf "$MD/mtad.conf"; wait_port $PORT; }
peer_stop() { stop_pid mtad; }
peer_count() { "$MTAD" console "$MD/control" summary | sed -n 's/^Total Queue Size: //p'; }
# There is nothing to purge with yet: an empty spool is a new one.
peer_clear() { peer_stop; rm -rf "$MD/spool" "$MD"/*.ec; peer_start; sleep 1; }
