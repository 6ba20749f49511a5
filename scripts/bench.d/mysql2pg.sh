# shellcheck shell=bash disable=SC2154 # $size and the like are bench's
# Sourced by bench: an ERP of as many orders as asked, and a plain table of five times as many rows, go from a MariaDB into
# a PostgreSQL with the distribution's defaults. Two limits: L is psql's binary COPY of the plain table from a ready file
# into an empty one with its primary key; J is the join of the orders, streamed by the mariadb client to nowhere.
total=$((size * 5))
join="FROM a_kopf k JOIN a_logbuch l ON l.id_a_kopf = k.id JOIN p_zubeh z ON z.id_a_kopf = k.id
  LEFT JOIN a_vorgang v ON v.id_a_kopf = k.id
  WHERE (z.zcode LIKE 'VR%' OR z.zcode LIKE 'SOP%' OR z.zcode LIKE 'S P%')
  AND (l.notiz LIKE '%cde Planifiée%' OR l.notiz LIKE '%cde PlanifiÃ©e%')"
declare -A written # by name: the data rows that a run wrote, one figure a round

need_others() { need_mariadb; }
other_server() { echo ", MariaDB $(my 'SELECT version()')"; }

# ours NAME DATABASE SOURCE ARGUMENT…: measures mysql2pg.
ours() {
  DATABASE_URL=$(database_url "$2") MYSQL_DB=$3 measure "$1" mysql2pg "${@:4}" --quiet --report json
}

# has DATABASE TABLE N: what a run must have brought.
has() {
  local n
  n=$(PGDATABASE=$1 sql "SELECT count(*) FROM $2")
  [ "$n" = "$3" ] || give_up "expected $3 rows in $2, and found $n"
}

prepare() {
  # All of the source fits into the server's memory: what is measured is not its disk.
  start_mariadb --innodb-buffer-pool-size=1G
  note "making an ERP of $size orders …"
  make_erp erp "$size"
  n_joined=$(my "SELECT count(*) $join" erp)
  n_orders=$(my "SELECT count(DISTINCT k.id) $join" erp)
  n_details=$(my "SELECT count(DISTINCT k.id, z.position, z.kennung, z.znr, coalesce(v.nummer, '')) $join" erp)
  note "$n_joined joined rows, $n_orders orders wanted, $n_details details"
  note "making $total rows …"
  my 'CREATE DATABASE plain'
  my "
CREATE TABLE measurements(id INT NOT NULL PRIMARY KEY, taken DATETIME, machine VARCHAR(20), value DOUBLE, counter BIGINT,
  note VARCHAR(100));
INSERT INTO measurements SELECT seq, '2026-01-01' + INTERVAL seq SECOND, concat('press-', seq % 12),
  20 + (seq * 7919 % 100000) / 1000, seq * 3, IF(seq % 5, concat('pièce n° ', seq, ', vérifiée à l''atelier, série B'), NULL)
FROM seq_1_to_$total;
ANALYZE TABLE measurements" plain >/dev/null
  note "filling …"
  new_database filled
  ours filled filled plain copy measurements
  has filled measurements "$total"
  PGDATABASE=filled psql -Xqc "\\copy measurements TO '$work/rows.copy' WITH (FORMAT binary)"
  PGDATABASE=filled pg_dump --schema-only --no-owner -t measurements >"$work/table.sql"
  new_database copied
}

limit() {
  PGDATABASE=copied sql 'DROP TABLE IF EXISTS measurements' 2>/dev/null
  PGDATABASE=copied psql -Xqf "$work/table.sql" >/dev/null
  PGDATABASE=copied measure limit psql -Xqc "\\copy measurements FROM '$work/rows.copy' WITH (FORMAT binary)"
}

# The columns are those that the orders need.
stream_join() {
  # shellcheck disable=SC2016 # the inner shell expands these
  MYSQL_PWD=$MYSQL_PASSWORD measure join bash -c 'exec mariadb --no-defaults -h "$MYSQL_HOST" -P "$MYSQL_PORT" -u "$MYSQL_USER" \
    --default-character-set=utf8mb4 --quick -N -e "$1" erp >/dev/null' - \
    "SELECT k.id, k.aunummer, k.aualpha, k.aufstatus, k.kommission, l.datum, l.id, z.zcode, z.position, z.kennung, z.znr,
      z.text, v.nummer, v.bezeichnung $join ORDER BY k.id"
}

copies() {
  new_database copy
  ours copy copy plain copy measurements
  has copy measurements "$total"
  ours copy_again copy plain copy measurements
  has copy measurements "$total"
}

orders() {
  new_database bare
  ours bare bare erp --no-details
  has bare commandes_volets "$n_orders"
  ours bare_again bare erp --no-details
  new_database detailed
  ours detailed detailed erp
  has detailed commandes_volets "$n_orders"
  has detailed commandes_volets_details "$n_details"
  ours detailed_again detailed erp
  local newest
  newest=$(PGDATABASE=detailed sql "SELECT greatest((SELECT max(xmin::text::bigint) FROM commandes_volets),
    (SELECT max(xmin::text::bigint) FROM commandes_volets_details))")
  ours changed detailed erp --touch changed
  written[changed]+="$(PGDATABASE=detailed sql "SELECT (SELECT count(*) FROM commandes_volets WHERE xmin::text::bigint > $newest)
    + (SELECT count(*) FROM commandes_volets_details WHERE xmin::text::bigint > $newest)") "
  has detailed commandes_volets_details "$n_details"
}

pgloader_load() {
  new_database pgloader
  measure pgloader pgloader --quiet --root-dir "$work" "mysql://$MYSQL_USER:$MYSQL_PASSWORD@$MYSQL_HOST:$MYSQL_PORT/plain" \
    "$(database_url pgloader | sed 's/^postgres:/pgsql:/')"
  has pgloader plain.measurements "$total"
}

measure_all() {
  limit
  copies
  stream_join
  orders
  ! command -v pgloader >/dev/null || pgloader_load
}

table() {
  local n_written
  unit limit L "$total rows, $rounds rounds"
  line limit - 0 "L: psql \\copy, binary, from a ready file"
  line copy x 1.2 "mysql2pg copy: first load"
  line copy MB 32 "               its memory"
  line copy_again - 0 "               nothing changed"
  line copy_again MB 32 "               its memory"
  line pgloader - 0 "pgloader"
  echo
  unit join J "$size orders, $n_joined joined rows"
  line join - 0 "J: the join, streamed by mariadb --quick"
  line bare x 1.2 "mysql2pg --no-details: first run"
  line bare_again x 1.2 "                       nothing changed"
  line bare_again MB 64 "                       its memory"
  line detailed - 0 "mysql2pg with details: first run"
  line detailed MB 64 "                       its memory"
  line detailed_again x 1.5 "                       nothing changed"
  line detailed_again MB 64 "                       its memory"
  line changed x 1.5 "                       --touch changed"
  n_written=$(highest "${written[changed]}")
  printf '%-70s   %-10s %s\n' "                       data rows written: $n_written" "<= 0" "$(verdict "$n_written" 0)"
}
