# shellcheck shell=bash disable=SC2154 # $cache and $work are lib.sh's
# Sourced by lib.sh: a MariaDB of our own that leaves nothing behind, and an ERP in it to try things on.

# Where unpacked programs find what they were built to look for below /usr.
mariadb_places() {
  local root=$cache/root/usr
  [ "$(command -v mariadbd)" = "$cache/bin/mariadbd" ] || return 0
  printf '%s\n' --basedir="$root" --lc-messages-dir="$root/share/mysql" \
    --character-sets-dir="$root/share/mysql/charsets" --plugin-dir="$root/lib/mysql/plugin"
}

has_mariadb() {
  # Daemons lie where a user's PATH often does not look.
  command -v mariadbd >/dev/null || [ ! -x /usr/sbin/mariadbd ] || PATH=$PATH:/usr/sbin
  command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null && command -v mariadb >/dev/null
}

need_mariadb() {
  use_unpacked
  # Debian's mariadb-server would start a server of its own. Its core is all that is needed.
  has_mariadb || { install_packages mariadb-server-core mariadb-client-core && use_unpacked; }
  has_mariadb || give_up "MariaDB's mariadbd, mariadb-install-db and mariadb are missing"
}

as_mariadb() { as_account mysql "$work/mariadb" "$@"; }

# start_mariadb [ARGUMENT…]: a fresh MariaDB with its own defaults, and these arguments, on a free port of 127.0.0.1.
# Sets MYSQL_HOST, MYSQL_PORT, MYSQL_USER and MYSQL_PASSWORD, of an account that may read everything.
start_mariadb() {
  local home=$work/mariadb places
  mkdir -m 700 "$home"
  export MYSQL_HOST=127.0.0.1 MYSQL_USER=erp_reader MYSQL_PASSWORD=throwaway
  # One statement a line; done before anyone is let in.
  cat >"$home/accounts.sql" <<SQL
CREATE OR REPLACE USER root@'%' IDENTIFIED BY '$MYSQL_PASSWORD';
GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;
CREATE OR REPLACE USER $MYSQL_USER@'%' IDENTIFIED BY '$MYSQL_PASSWORD';
GRANT SELECT, SHOW VIEW ON *.* TO $MYSQL_USER@'%';
DROP USER IF EXISTS root@localhost, root@127.0.0.1, root@'::1';
SQL
  if is_root; then
    local owner=nobody
    ! id mysql >/dev/null 2>&1 || owner=mysql
    chown -R "$owner" "$home"
  fi
  mapfile -t places < <(mariadb_places)
  as_mariadb mariadb-install-db --no-defaults "${places[@]}" --datadir="$home/data" --tmpdir="$home" --skip-test-db \
    --auth-root-authentication-method=normal >"$work/install-db.log" 2>&1 || give_up "mariadb-install-db: $(tail -n 3 "$work/install-db.log")"
  for _ in 1 2 3 4 5; do
    export MYSQL_PORT=$((20000 + RANDOM % 12000))
    # The socket by a path that is relative to the data: a temporary folder's may be too long for one.
    as_mariadb mariadbd --no-defaults "${places[@]}" --datadir="$home/data" --tmpdir="$home" --socket=socket --pid-file="$home/pid" \
      --port="$MYSQL_PORT" --bind-address="$MYSQL_HOST" --skip-name-resolve --init-file="$home/accounts.sql" \
      --character-set-server=utf8mb4 --collation-server=utf8mb4_general_ci "$@" >"$work/mariadb.log" 2>&1 &
    mariadb_job=$!
    while kill -0 "$mariadb_job" 2>/dev/null; do
      ! my 'SELECT 1' >/dev/null 2>&1 || return 0
      sleep 0.05
    done
  done
  give_up "MariaDB does not start: $(grep -F '[ERROR]' "$work/mariadb.log" | tail -n 3)"
}

stop_mariadb() {
  [ -e "$work/mariadb/pid" ] || return 0
  kill -9 "$(cat "$work/mariadb/pid")" 2>/dev/null || true
  wait "$mariadb_job" 2>/dev/null || true
}

# my STATEMENTS [DATABASE] [client options]: as root; bare rows, columns separated by tabs.
my() {
  MYSQL_PWD=$MYSQL_PASSWORD mariadb --no-defaults --skip-ssl -h "$MYSQL_HOST" -P "$MYSQL_PORT" -u root \
    --default-character-set=utf8mb4 -N -B "${@:3}" -e "$1" ${2:+"$2"}
}

# --- an ERP -----------------------------------------------------------------------------------------------------

# make_erp DATABASE N_ORDERS: five in six orders are wanted, with 6.4 rows of log × accessory × operation each; every
# fiftieth text is encoded twice, and so is every tenth of the notes that are looked for.
make_erp() {
  my "CREATE OR REPLACE DATABASE $1"
  my "
CREATE TABLE a_kopf(
  id VARCHAR(32) NOT NULL PRIMARY KEY, auftragstyp SMALLINT, aunummer INT, aualpha VARCHAR(5), kommission VARCHAR(50),
  aufstatus VARCHAR(15), a_vormwst DECIMAL(15,2));
CREATE TABLE a_logbuch(
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, id_a_kopf VARCHAR(32), code VARCHAR(10), bezeichnung VARCHAR(50),
  datum DATETIME, zeit DATETIME, benutzer VARCHAR(20), notiz TEXT, KEY (id_a_kopf));
CREATE TABLE p_zubeh(
  id_a_kopf VARCHAR(32) NOT NULL, position SMALLINT NOT NULL, kennung SMALLINT NOT NULL, znr SMALLINT NOT NULL,
  zcode VARCHAR(20), text VARCHAR(50), stueck FLOAT, PRIMARY KEY (id_a_kopf, position, kennung, znr));
CREATE TABLE a_vorgang(
  id_a_kopf VARCHAR(32) NOT NULL, nummer VARCHAR(15) NOT NULL, bezeichnung VARCHAR(50), datum DATETIME, zeit DATETIME,
  PRIMARY KEY (id_a_kopf, nummer));
-- One row an order, with how many of each part it has; the ids come in no order.
CREATE TABLE plan(id VARCHAR(32) PRIMARY KEY, n INT, n_planned INT, n_shutters INT, n_operations INT);
INSERT INTO plan SELECT md5(seq), seq, IF(seq % 12 = 0, 0, 1 + (seq DIV 24) % 3),
  IF(seq % 12 = 6, 0, ELT(1 + (seq DIV 72) % 6, 1, 1, 2, 2, 3, 2)), (seq DIV 6) % 4 FROM seq_1_to_$2;
INSERT INTO a_kopf SELECT id, n % 4, n, IF(n % 7, NULL, 'B'),
  IF(n % 50, concat('Résidence les Tilleuls, lot ', n), concat('RÃ©sidence les ChÃªnes, lot ', n)),
  ELT(1 + n % 3, 'planifié', 'livré', 'facturé'), n * 1.1 FROM plan ORDER BY id;
INSERT INTO a_logbuch(id_a_kopf, code, bezeichnung, datum, benutzer, notiz)
SELECT id, 'N', 'Note', '2026-01-01' + INTERVAL n + seq HOUR, 'atelier', CASE
    WHEN seq > n_planned THEN concat('client rappelé, lot ', n)
    WHEN n % 10 THEN concat('cde Planifiée, semaine ', 1 + n % 52)
    ELSE concat('cde PlanifiÃ©e, semaine ', 1 + n % 52) END
FROM plan JOIN seq_1_to_5 ON seq <= n_planned + 2 ORDER BY n, seq;
INSERT INTO p_zubeh SELECT id, seq, 0, 1, IF(seq > n_shutters, concat('Q', n % 90), concat(ELT(1 + n % 3, 'VR', 'SOP', 'S P '), n % 40)),
  IF(n % 50, 'Volet roulé, lames aluminium', 'Volet roulÃ©, lames aluminium'), seq
FROM plan JOIN seq_1_to_5 ON seq <= n_shutters + 2 ORDER BY id, seq;
INSERT INTO a_vorgang SELECT id, seq * 10, ELT(seq, 'Débit', 'Montage', 'Expédition'), NULL, NULL
FROM plan JOIN seq_1_to_3 ON seq <= n_operations ORDER BY id, seq;
DROP TABLE plan;
ANALYZE TABLE a_kopf, a_logbuch, p_zubeh, a_vorgang" "$1" >/dev/null
}
