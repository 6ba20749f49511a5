# shellcheck shell=bash disable=SC2154 # $size and the like are bench's
# Sourced by bench: 20 tables of 500 rows and 10 columns, and one table of as many cells as asked, go to a stand-in for
# Google's server on this machine, which counts the calls. G is a script with gspread on the same 20 tables. Calls are what
# Google limits; seconds here lack the network, which adds its own to each call.
tables=20 rows=500
declare -A calls bytes # by name: how many calls to the API a run made, and the bytes it sent; one figure a round

need_others() {
  need_rust
  (cd "$top" && cargo build --release --quiet -p sync-testing --example sheets)
  python=
  local venv=$cache/gspread
  command -v python3 >/dev/null || { note "no python3: gspread is left out" && return; }
  if "$venv/bin/python" -c 'import gspread, psycopg' 2>/dev/null ||
    { python3 -m venv "$venv" && "$venv/bin/pip" install -q gspread 'psycopg[binary]'; } >"$cache/gspread.log" 2>&1; then
    python=$venv/bin/python
  else
    note "gspread cannot be had: $(tail -n 1 "$cache/gspread.log")"
  fi
}
other_server() { [ -z "$python" ] || echo ", gspread $("$python" -c 'import gspread; print(gspread.__version__)')"; }

# An empty workbook, full quotas, and nothing known of them.
fresh_google() {
  stop_google
  rm -rf state calls.log
  coproc GOOGLE { exec "${CARGO_TARGET_DIR:-$top/target}/release/examples/sheets" --log --key key.json 2>>calls.log; }
  local url book
  read -r url <&"${GOOGLE[0]}"
  read -r book <&"${GOOGLE[0]}"
  export BENCH_GOOGLE_URL=${url#URL=} GOOGLE_SPREADSHEET_ID=${book#WORKBOOK=}
  export GOOGLE_APPLICATION_CREDENTIALS=$PWD/key.json DB_SYNC_STATE_DIR=$PWD/state
}

stop_google() {
  [ -z "${GOOGLE_PID:-}" ] || { kill "$GOOGLE_PID" && wait "$GOOGLE_PID"; } 2>/dev/null || true
}

# counted NAME COMMAND…: measures it, and what it asked of Google.
counted() {
  : >calls.log # which the server only adds to
  measure "$@"
  ! grep -v ' -> 200,' calls.log || give_up "$1: not every call was answered with 200"
  calls[$1]+="$(grep -c ' /v4/' calls.log) "
  bytes[$1]+="$(sed -nE 's#^(POST|PUT) /v4/.*, ([0-9]+) bytes.*#\2#p' calls.log | awk '{ n += $1 } END { print n + 0 }') "
}

# ours NAME DATABASE ROWS: measures pg2sheets, which must write so many rows.
ours() {
  DB_SYNC_DATABASE_URL=$(database_url "$2") counted "$1" \
    pg2sheets --once --quiet --report json --sheets-url "$BENCH_GOOGLE_URL"
  expect written "$3"
}

prepare() {
  note "making $tables tables of $rows rows, and one of $size cells …"
  local columns="x AS id, 'text ' || x AS name, x * 1.25 AS price, x % 7 AS pieces, x % 3 = 0 AS is_paid,
    '2026-01-01'::date + x % 365 AS day, '2026-01-01'::timestamptz + x * interval '1 min' AS seen, md5(x::text) AS code,
    CASE WHEN x % 5 > 0 THEN 'écrit à l''atelier' END AS note, x * 3 AS counter"
  local n
  new_database shop
  for ((n = 0; n < tables; n++)); do
    PGDATABASE=shop sql "CREATE TABLE table_$n AS SELECT $columns FROM generate_series(1, $rows) x; ALTER TABLE table_$n ADD PRIMARY KEY (id)"
  done
  new_database large
  PGDATABASE=large sql "CREATE TABLE large AS SELECT $columns FROM generate_series(1, $size / 10) x; ALTER TABLE large ADD PRIMARY KEY (id)"
}

measure_all() {
  fresh_google
  ours first shop $((tables * rows))
  ours unchanged shop 0
  PGDATABASE=shop sql "UPDATE table_7 SET pieces = pieces + 1 WHERE id = 250"
  ours changed shop "$rows"
  # The tabs are there: gspread is spared the calls that make them.
  [ -z "$python" ] || DB_SYNC_DATABASE_URL=$(database_url shop) counted gspread "$python" "$top/scripts/bench.d/pg2sheets.py"
  fresh_google
  ours large large $((size / 10))
  ours large_unchanged large 0
  PGDATABASE=large sql "UPDATE large SET pieces = pieces + 1 WHERE id = 250"
  ours large_changed large 500
}

# row NAME TEXT MOST-CALLS [MOST-MB]
row() {
  local name=$1 us kb n ratio=- bar=- met=-
  if [ -z "${seconds[$name]:-}" ]; then
    printf '%-36s not installed\n' "$2"
    return
  fi
  us=$(median "${seconds[$name]}") kb=$(highest "${memory[$name]}") n=$(highest "${calls[$name]}")
  [ -z "${seconds[gspread]:-}" ] || ratio=$(awk "BEGIN { printf \"%.2f\", $us / $(median "${seconds[gspread]}") }")
  [ "$3" = - ] || { bar="<= $3 calls" met=$(verdict "$n" "$3"); }
  [ -z "${4:-}" ] || { bar+=", $4 MB" && [ "$met:$(verdict "$kb / 1024" "$4")" = ok:ok ] || met=missed; }
  awk -v name="$2" -v n="$n" -v bytes="$(highest "${bytes[$name]}")" -v us="$us" -v ratio="$ratio" -v kb="$kb" -v bar="$bar" -v met="$met" \
    'BEGIN { printf "%-36s %6d %11d %9.3f %7s %8.0f   %-18s %s\n", name, n, bytes, us / 1e6, ratio, kb / 1024, bar, met }'
}

table() {
  stop_google
  printf '%-36s %6s %11s %9s %7s %8s   %s\n' "$tables tables, $rows rows, 10 columns" calls "bytes sent" seconds "x G" "peak MB" bar
  row gspread "G: gspread, changed or not" -
  row first "pg2sheets: first run" 4
  row unchanged "           nothing changed" 1
  row changed "           one row changed" 2
  echo
  printf '%s\n' "$size cells in one table"
  row large "pg2sheets: first run" 40 60
  row large_unchanged "           nothing changed" 1
  row large_changed "           one row changed" 2 60
}
