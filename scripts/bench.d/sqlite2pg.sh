# shellcheck shell=bash disable=SC2154 # $size and the like are bench's
# Sourced by bench: five day files of as many rows as asked go into a PostgreSQL with the distribution's defaults. The
# limit L is psql's binary COPY of the same rows from a ready file into an empty table with the same unique index.
days=(2026-01-01 2026-01-02 2026-01-03 2026-01-04 2026-01-05)
total=$((size * ${#days[@]}))

need_others() { need_command sqlite3; }
other_server() { :; }

# ours NAME DATABASE FOLDER READ WRITTEN [OPTION…]: measures sqlite2pg, and that it did this work and no other.
ours() {
  measure "$1" sqlite2pg sync --database-url "$(database_url "$2")" --db-dir "$3" --quiet --report json "${@:6}"
  expect read "$4"
  expect written "$5"
}

fill() { sqlite2pg sync --database-url "$(database_url "$1")" --db-dir "$2" --quiet "${@:3}"; }

prepare() {
  note "making $total rows …"
  mkdir "$work"/{files,live,small,blob}
  local day i
  for day in "${days[@]}"; do make_day_file "$work/files" "$day" "$size"; done
  cp "$work"/files/*.db "$work/live"
  make_day_file "$work/small" 2025-01-01 10
  for ((i = 1; i < 365; i++)); do
    cp "$work/small/2025_01_01.db" "$work/small/$(date -u -d "2025-01-01 + $i days" +%Y_%m_%d).db"
  done
  sqlite3 "$work/blob/2026_01_01.db" \
    'CREATE TABLE pictures(id INTEGER PRIMARY KEY, picture BLOB); INSERT INTO pictures VALUES (1, randomblob(100000000))'
  printf 'key_columns: [id, timestamp]\n' >"$work/keys.yaml"
  for day in live small natural; do new_database "$day"; done
  note "filling …"
  fill live "$work/live"
  fill small "$work/small"
  fill natural "$work/files" --config "$work/keys.yaml"
  new_database copied
  PGDATABASE=live psql -Xqc "\\copy measurements TO '$work/rows.copy' WITH (FORMAT binary)"
  PGDATABASE=live pg_dump --schema-only --no-owner -t measurements >"$work/table.sql"
}

limit() {
  PGDATABASE=copied sql 'DROP TABLE IF EXISTS measurements' 2>/dev/null
  PGDATABASE=copied psql -Xqf "$work/table.sql" >/dev/null
  PGDATABASE=copied measure limit psql -Xqc "\\copy measurements FROM '$work/rows.copy' WITH (FORMAT binary)"
}

first_load() {
  new_database first
  ours first first "$work/files" "$total" "$total"
}

natural_key() { # without its cursors it reads all rows again, and finds each by its key
  PGDATABASE=natural sql 'DELETE FROM sync_watermark'
  ours natural natural "$work/files" "$total" 0 --config "$work/keys.yaml"
  expect duplicates "$total"
}

new_rows() {
  sqlite3 "$work/live/2026_01_05.db" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    INSERT INTO measurements(timestamp, machine, value, counter, note) SELECT '2026-01-05T23:59:59.999Z', 'press-1', i, i, 'late' FROM n"
  ours new live "$work/live" 1000 1000
}

blob() {
  new_database pictures
  ours blob pictures "$work/blob" 1 1
}

# pgloader knows no day files: the five go one after another, each in place of the one before.
pgloader_load() {
  new_database pgloader
  # shellcheck disable=SC2016 # the inner shell expands these
  measure pgloader bash -c 'for file in "$1"/*.db; do pgloader --quiet --root-dir "$1/.." "sqlite://$file" "$2" || exit; done' \
    - "$work/files" "$(database_url pgloader | sed 's/^postgres:/pgsql:/')"
}

measure_all() {
  limit
  first_load
  natural_key
  ours idle first "$work/files" 0 0
  new_rows
  ours small small "$work/small" 0 0
  blob
  ! command -v pgloader >/dev/null || pgloader_load
}

table() {
  unit limit L "$total rows, $rounds rounds"
  line limit - 0 "L: psql \\copy, binary, from a ready file"
  line first x 1.0 "sqlite2pg: first load"
  line first MB 32 "           its memory"
  line natural x 1.7 "           natural key, all rows known"
  line natural MB 32 "           its memory"
  line idle ms 60 "           nothing new"
  line new ms 150 "           1,000 new rows"
  line small ms 150 "           365 files, nothing new"
  line blob MB 300 "           one blob of 100 MB, its memory"
  line pgloader - 0 "pgloader"
}
