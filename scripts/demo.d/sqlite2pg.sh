# shellcheck shell=bash disable=SC2154 # $size and the like are demo's
# Sourced by demo: sqlite2pg brings day files that are still being written, killed in the middle of its first run.
rows=${size:-200000}

need_for_sqlite2pg() { need_command sqlite3; }

# One process that keeps today's file open and appends, as a machine's logger does. It ends when its mark is gone.
writer() {
  local n=0
  while [ -e writing ]; do
    n=$((n + 1))
    printf "INSERT INTO measurements(timestamp, machine, value, counter, note)
      VALUES (strftime('2026-01-03T%%H:%%M:%%fZ', 'now'), 'press-1', %d.5, %d, 'écrit à l''instant');\n" $((n % 90)) "$n"
    sleep 0.01
  done | sqlite3 -cmd '.timeout 5000' "$SQLITE_DB_DIR/2026_01_03.db"
}

stop_writer() { rm -f writing && wait "$writer_pid"; }

# Runs sqlite2pg and kills it as soon as its first rows can be seen. Fails where the run was done before.
killed_run() {
  local pid
  # Small batches only so that there is a middle to be killed in.
  sqlite2pg --batch-rows 1000 &
  pid=$!
  until [ "$(sql 'SELECT 1 FROM measurements LIMIT 1' 2>/dev/null)" ] || ! kill -0 "$pid" 2>/dev/null; do :; done
  kill -9 "$pid" 2>/dev/null || true
  ! wait "$pid" 2>/dev/null
}

# The server keeps the dead run's lock until it has noticed.
wait_for_dead_run() {
  while [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")" != 0 ]; do :; done
}

# Prints rows per file on both sides, and fails where they differ.
compare() {
  local file there difference=0 here
  declare -A arrived
  while IFS='|' read -r file there; do arrived[$file]=$there; done < <(
    sql 'SELECT w.file, count(*) FROM measurements m JOIN sync_watermark w ON w.id = m._source_id GROUP BY 1'
  )
  printf '%-16s %10s %10s\n' file SQLite PostgreSQL
  for file in "$SQLITE_DB_DIR"/*.db; do
    here=$(sqlite3 "$file" 'SELECT count(*) FROM measurements')
    file=${file##*/} there=${arrived[${file##*/}]:-0}
    printf '%-16s %10d %10d\n' "$file" "$here" "$there"
    difference=$((difference + (here > there ? here - there : there - here)))
  done
  # A row is what was measured: day and number. Not the identity that sqlite2pg gave it.
  printf 'DIFFERENCE %d, DUPLICATES %d\n' "$difference" "${duplicates:=$(
    sql 'SELECT count(*) - count(DISTINCT (left("timestamp", 10), id)) FROM measurements'
  )}"
  [ "$difference" = 0 ] && [ "$duplicates" = 0 ]
}

demo_sqlite2pg() {
  heading "sqlite2pg: three day files; the newest is still being written"
  local day
  export SQLITE_DB_DIR=$PWD/db
  mkdir db
  for day in 2026-01-01 2026-01-02 2026-01-03; do make_day_file db "$day" "$rows" WAL; done
  touch writing
  writer &
  writer_pid=$!
  run ls -sh db
  echo "a writer adds a row to 2026_01_03.db every 10 ms"

  heading "A PostgreSQL of our own"
  use_postgres sqlite2pg
  show "export SQLITE_DB_DIR=$SQLITE_DB_DIR"
  show "export DATABASE_URL=$DATABASE_URL"
  run sqlite2pg check

  heading "A first run, killed in the middle"
  show "sqlite2pg --batch-rows 1000 &   kill -9 \$!"
  killed_run || give_up "the run was done before it could be killed; try more rows: scripts/demo sqlite2pg $((rows * 3))"
  run psql -c 'SELECT count(*) AS "rows that had arrived" FROM measurements' \
    -c 'SELECT file, "position" AS "cursor" FROM sync_watermark ORDER BY file'
  wait_for_dead_run

  heading "The same command again: it goes on where the cursor stands"
  run sqlite2pg

  heading "The writer stops; one more run takes its last rows"
  stop_writer
  run sqlite2pg

  heading "What PostgreSQL has now"
  run psql -c 'SELECT * FROM measurements ORDER BY _source_id DESC, _source_rowid DESC LIMIT 5'
  compare || give_up "the two sides differ"

  heading "Nothing new: nothing read, nothing written"
  run sqlite2pg
  run sqlite2pg status --files

  heading "The same for a machine to read"
  run sqlite2pg --quiet --report json
}
