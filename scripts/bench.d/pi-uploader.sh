# shellcheck shell=bash disable=SC2154 # $size and the like are bench's
# Sourced by bench: a recorder's database with as many events as asked goes to a backend on this machine. The limit H is
# h2load, which posts the same number of bodies of the same size over one connection that stays open; H8 does so over eight.
declare -A syncs # by journal mode: how often a run of 1,000 events waited for the disk

need_others() {
  need_command sqlite3
  need_command strace
  command -v h2load >/dev/null || { install_packages nghttp2-client && use_unpacked; }
  (cd "$top" && cargo build --release --quiet -p sync-testing --example backend)
  python=
  if command -v python3 >/dev/null; then
    if python3 -c 'import requests' 2>/dev/null; then
      python=python3
    elif python3 -m venv "$cache/requests" >/dev/null 2>&1 && "$cache/requests/bin/pip" install -q requests >/dev/null 2>&1; then
      python=$cache/requests/bin/python
    fi
  fi
}
other_server() { echo ", $(h2load --version 2>/dev/null || true)"; }

# recorder FILE EVENTS [JOURNAL-MODE]
recorder() {
  rm -f "$1"*
  sqlite3 "$1" "PRAGMA journal_mode = ${3:-wal};
CREATE TABLE capteur(id_capteur INTEGER PRIMARY KEY, nom_capteur TEXT, etat_capteur INTEGER);
CREATE TABLE evenement(id_evenement INTEGER PRIMARY KEY, date TEXT, id_capteur INTEGER);
CREATE TABLE media(id_media INTEGER PRIMARY KEY, video BLOB, date TEXT, id_capteur INTEGER, numero_camera INTEGER);
INSERT INTO capteur VALUES (1, 'PIR Entrée', 1), (4, 'Caméra 1', 1);
$(events "$2")" >/dev/null
}

events() {
  echo "INSERT INTO evenement(date, id_capteur) SELECT strftime('%Y-%m-%dT%H:%M:%S', '2025-01-01', value || ' seconds') || '.123456', 1
    FROM generate_series(1, $1);"
}

# The backend as it is for each work: empty, and silent about it.
fresh_backend() {
  stop_backend
  coproc BACKEND { exec "$top/target/release/examples/backend" 2>/dev/null; }
  local url
  read -r url <&"${BACKEND[0]}"
  export BACKEND_URL=${url##* }
}

stop_backend() {
  [ -z "${BACKEND_PID:-}" ] || { kill "$BACKEND_PID" && wait "$BACKEND_PID"; } 2>/dev/null || true
}

# ours NAME DATABASE N ARGUMENT…: measures pi-uploader, which must send N rows.
ours() {
  export LOCAL_DB_PATH=$2
  measure "$1" pi-uploader --once --quiet --report json "${@:4}"
  expect written "$3"
}

prepare() {
  printf '%s' '{"date":"2025-12-18T17:30:00.123456","capteur":{"id":1,"nom":"PIR Entrée","etat":1},"device_id":"raspberry-1","source":"sync_service"}' >body.json
  cat >peer.py <<'PY'
import os, sqlite3, sys, requests
db = sqlite3.connect(os.environ["LOCAL_DB_PATH"])
db.execute("CREATE TABLE IF NOT EXISTS sync_tracking(id INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT, local_id INTEGER, remote_id INTEGER, sync_date TEXT, sync_status TEXT, error_message TEXT, UNIQUE(table_name, local_id))")
rows = db.execute("SELECT id_evenement, date, c.id_capteur, nom_capteur, etat_capteur FROM evenement JOIN capteur c USING (id_capteur) WHERE id_evenement NOT IN (SELECT local_id FROM sync_tracking WHERE table_name = 'evenement' AND sync_status = 'success')").fetchall()
for (n, date, sensor, name, state) in rows:
    body = {"date": date, "capteur": {"id": sensor, "nom": name, "etat": state}, "device_id": "raspberry-1", "source": "sync_service"}
    answer = requests.post(os.environ["BACKEND_URL"] + "/api/evenements", json=body, timeout=10)
    answer.raise_for_status()
    db.execute("INSERT OR REPLACE INTO sync_tracking(table_name, local_id, remote_id, sync_date, sync_status) VALUES ('evenement', ?, ?, datetime('now'), 'success')", (n, answer.json()["id"]))
    db.commit()
PY
  note "making a database of 100,000 sent events …"
  recorder tracked.db 100000
  fresh_backend
  LOCAL_DB_PATH=tracked.db pi-uploader --once --quiet
  note "making a video of 500 MB …"
  recorder video.db 0
  sqlite3 video.db "INSERT INTO media VALUES (1, randomblob(500000000), '2025-12-18T17:30:00', 4, 1)"
}

load() { # NAME CONNECTIONS
  command -v h2load >/dev/null || return 0
  fresh_backend
  measure "$1" h2load --h1 -n "$size" -c "$2" -m 1 -d body.json -H 'content-type: application/json' "$BACKEND_URL/api/evenements"
  grep -q "$size succeeded" out || give_up "$(cat out)"
}

waits_for_disk() { # JOURNAL-MODE
  recorder syncs.db 0 "$1"
  # Our tables are made once in a card's life.
  LOCAL_DB_PATH=syncs.db pi-uploader --once --quiet
  sqlite3 syncs.db "$(events 1000)"
  LOCAL_DB_PATH=syncs.db strace -f -qq -o trace -e trace=fsync,fdatasync pi-uploader --once --quiet
  syncs[$1]+="$(grep -c 'sync(' trace) "
}

measure_all() {
  load limit 1
  recorder events.db "$size"
  fresh_backend
  ours one events.db "$size"
  load limit8 8
  recorder events.db "$size"
  fresh_backend
  ours eight events.db "$size" --concurrency 8
  sqlite3 tracked.db "$(events 10)"
  ours tracked tracked.db 10
  ours idle tracked.db 0
  recorder first.db 1
  ours first first.db 1
  sqlite3 video.db "DROP TABLE IF EXISTS sync_tracking; DROP TABLE IF EXISTS sync_attempt; DROP TABLE IF EXISTS sync_state"
  ours video video.db 1
  waits_for_disk wal
  waits_for_disk delete
  [ -z "$python" ] || {
    recorder events.db 2000
    fresh_backend
    LOCAL_DB_PATH=events.db measure peer "$python" peer.py
  }
}

table() {
  unit limit H "$size events, $rounds rounds"
  line limit - 0 "H: h2load, one connection"
  line one x 1.25 "pi-uploader"
  line one MB 24 "            its memory"
  line peer - 0 "requests, 2,000 events one after another"
  echo
  unit limit8 H8 "eight connections"
  line limit8 - 0 "H8: h2load"
  line eight x 1.25 "pi-uploader --concurrency 8"
  echo
  unit limit H "what a run costs"
  line first ms 30 "one event, from start to end"
  line tracked ms 150 "10 new events behind 100,000 sent"
  line idle ms 150 "nothing new"
  line idle MB 12 "            its memory"
  line video MB 24 "a video of 500 MB: memory"
  local n mode
  for mode in wal:20 delete:50; do
    n=$(highest "${syncs[${mode%:*}]}")
    printf '%-70s   %-10s %s\n' "1,000 events, journal mode ${mode%:*}: waits for the disk: $n" "<= ${mode#*:}" "$(verdict "$n" "${mode#*:}")"
  done
  n=$(stat -c %s "$(type -P pi-uploader)")
  printf '%-70s   %-10s %s\n' "the program: $((n / 1000)) kB" "<= 6 MB" "$(verdict "$n" 6000000)"
}
