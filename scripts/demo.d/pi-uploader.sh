# shellcheck shell=bash disable=SC2154 # $top is lib's
# Sourced by demo: pi-uploader brings a recorder's events and videos to a backend that loses every third answer.

need_for_pi_uploader() {
  need_command sqlite3
  need_command curl
  (cd "$top" && cargo build --quiet -p sync-testing --example backend)
}

recorder() {
  show "sqlite3 surveillance.db \"$1\""
  sqlite3 surveillance.db "$1"
}

demo_pi_uploader() {
  heading "pi-uploader: a recorder's database with 5 events and 2 videos"
  sqlite3 surveillance.db "PRAGMA journal_mode = wal;
CREATE TABLE capteur(id_capteur INTEGER PRIMARY KEY, nom_capteur TEXT, etat_capteur INTEGER);
CREATE TABLE evenement(id_evenement INTEGER PRIMARY KEY, date TEXT, id_capteur INTEGER);
CREATE TABLE media(id_media INTEGER PRIMARY KEY, video BLOB, date TEXT, id_capteur INTEGER, numero_camera INTEGER);
INSERT INTO capteur VALUES (1, 'PIR Entrée', 1), (2, 'Porte du garage', 0), (4, 'Caméra 1', 1);
INSERT INTO evenement(date, id_capteur) SELECT '2025-12-18T17:3' || value || ':00.123456', 1 + value % 2 FROM generate_series(0, 4);
INSERT INTO media(video, date, id_capteur, numero_camera) VALUES (randomblob(400000), '2025-12-18T17:31:05', 4, 1),
  (randomblob(3000000), '2025-12-18T17:33:05', 4, 1)" >/dev/null
  recorder "SELECT id_evenement, date, nom_capteur FROM evenement JOIN capteur USING (id_capteur)"

  heading "A backend of our own, which takes every third row and loses the answer"
  local url
  coproc BACKEND { exec "$top/target/debug/examples/backend" --fault-every 3 lose-reply 2>/dev/null; }
  read -r url <&"${BACKEND[0]}"
  export LOCAL_DB_PATH=$PWD/surveillance.db BACKEND_URL=${url##* }
  show "export LOCAL_DB_PATH=$LOCAL_DB_PATH BACKEND_URL=$BACKEND_URL"
  run pi-uploader check

  heading "A run; what has no answer is called again with the same key"
  run pi-uploader --once --lang en

  heading "What the backend has: every row once"
  run curl -s "$BACKEND_URL/api/evenements"
  echo
  run curl -s "$BACKEND_URL/api/media"
  echo

  heading "A new event comes under the id of a deleted one, and one event is unknown to the backend"
  recorder "DELETE FROM evenement WHERE id_evenement = 5;
  INSERT INTO evenement VALUES (5, '2025-12-18T18:00:00', 2), (6, 'gestern', 1)"
  run_to 3 pi-uploader --once --lang en
  run_to 3 pi-uploader failures --lang en
  recorder "SELECT table_name, local_id, remote_id, sync_status FROM sync_tracking"

  heading "Mended, and tried again"
  recorder "UPDATE evenement SET date = '2025-12-18T18:01:00' WHERE id_evenement = 6"
  run pi-uploader --once --lang en --report json
  run pi-uploader status --lang en
  kill "$BACKEND_PID"
}
