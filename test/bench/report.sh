#!/usr/bin/env bash
# Medians of load.tsv and lat.tsv, and the ratio of messages a second to the
# do-nothing server of the same run.
set -eu
res=$1
awk -F'\t' '
  function median(list, n,   a, i, j, t) {
    split(list, a, " "); n = length(a)
    for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (a[j] + 0 < a[i] + 0) { t = a[i]; a[i] = a[j]; a[j] = t }
    return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
  }
  $19 == "ok" || $NF == "ok" {
    key = $2 "\t" $3
    if (!(key in rate)) order[++rows] = key
    rate[key] = rate[key] " " $6; cpu[key] = cpu[key] " " $9; rss[key] = rss[key] " " $10
  }
  END {
    printf "%-16s %-9s %9s %10s %9s %8s\n", "peer", "test", "msg/s", "us CPU", "peak MiB", "ratio"
    for (r = 1; r <= rows; r++) {
      split(order[r], k, "\t"); null = "null\t" k[2]
      ratio = (null in rate) ? median(rate[order[r]]) / median(rate[null]) : 0
      printf "%-16s %-9s %9.0f %10.0f %9.0f %8.2f\n", k[1], k[2], median(rate[order[r]]), median(cpu[order[r]]), median(rss[order[r]]), ratio
    }
  }' "$res/load.tsv"
[ -f "$res/lat.tsv" ] || exit 0
echo
awk -F'\t' '
  $13 == "ok" || $NF == "ok" { key = $2 "\t" $4; if (!(key in n)) order[++rows] = key; n[key]++; p50[key] += $6; p99[key] += $8 }
  END {
    printf "%-16s %-8s %10s %10s\n", "peer", "clients", "p50 ms", "p99 ms"
    for (r = 1; r <= rows; r++) { split(order[r], k, "\t"); printf "%-16s %-8s %10.2f %10.2f\n", k[1], k[2], p50[order[r]] / n[order[r]], p99[order[r]] / n[order[r]] }
  }' "$res/lat.tsv"
