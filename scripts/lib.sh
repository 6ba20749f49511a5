# shellcheck shell=bash
# Sourced by demo, test and bench: what they need from the machine, a PostgreSQL of their own that leaves nothing
# behind, and day files to try things on. mariadb.sh has the same for MariaDB.

set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sync-tools
# One spelling of numbers and one text encoding, whatever the machine and its user prefer.
export LC_ALL=C.UTF-8 PGCLIENTENCODING=UTF8 PSQLRC=/dev/null PAGER=cat

# --- what is said -----------------------------------------------------------------------------------------------

if [ -t 1 ]; then bold=$'\e[1;36m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
heading() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
show() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; }
note() { printf '%s\n' "$*" >&2; }
give_up() {
  note "$(basename "$0"): $*"
  exit 1
}

# --- what the machine lacks -------------------------------------------------------------------------------------

is_root() { [ "$(id -u)" = 0 ]; }

# Packages from the distribution: installed as root, else unpacked below $cache.
install_packages() {
  command -v apt-get >/dev/null || give_up "missing: $*. Install them with your system's package manager."
  note "installing $* …"
  mkdir -p "$cache"
  if is_root; then
    install_as_root "$@" || give_up "could not install $*: $(tail -n 1 "$cache/apt.log")"
  else
    unpack_as_user "$@" >"$cache/apt.log" 2>&1 ||
      give_up "could not unpack $* below $cache: $(tail -n 1 "$cache/apt.log")
An administrator can install them: apt-get install $*"
  fi
}

install_as_root() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends)
  # The postgresql package makes and starts a server of its own, unless told not to. Nobody asked for one.
  local quiet=/etc/postgresql-common/createcluster.d/sync-tools.conf
  mkdir -p "${quiet%/*}" && echo 'create_main_cluster = false' >"$quiet"
  local code=0
  # Lists that are empty or too old fail first; then they are fetched.
  "${apt[@]}" install "$@" >"$cache/apt.log" 2>&1 ||
    { "${apt[@]}" update && "${apt[@]}" install "$@"; } >"$cache/apt.log" 2>&1 || code=$?
  rm -f "$quiet"
  return "$code"
}

# Without root: the packages and what they need, minus what the machine has, as plain files below $cache/root.
unpack_as_user() (
  # "set -e" does not hold here: the caller asks how this ends.
  mkdir -p "$cache/debs" "$cache/root" && cd "$cache/debs" || exit
  options=()
  if ! apt-cache show "$@" >/dev/null 2>&1; then
    options=(-o Dir::State="$cache/apt" -o Dir::Cache="$cache/apt" -o Dir::State::status=/var/lib/dpkg/status)
    options+=(-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Acquire::GzipIndexes=true -o APT::Update::Error-Mode=any)
    mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial"
    apt-get "${options[@]}" -q update || exit
  fi
  closure() {
    apt-cache "${options[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
      --no-replaces --no-enhances "$@" | grep -E '^[a-z0-9]'
  }
  # Programs that are asked for, and libraries; without the just-in-time compiler (150 MB) and anything in Perl,
  # which only Debian's wrappers around PostgreSQL use.
  wanted='^(postgresql(-client)?-[0-9.]+|lib.*|'$(IFS='|' && echo "$*")')$'
  unwanted='(^libllvm|^libclang|^libz3|-perl$|^libperl|-dev$|^postgresql$)'
  installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | awk '$1 == "ii" { print $2 }')
  mapfile -t missing < <(closure "$@" | sort -u | grep -E "$wanted" | grep -vE "$unwanted" | grep -vxF "$installed")
  ((${#missing[@]})) && apt-get "${options[@]}" -q download "${missing[@]}" || exit
  for deb in ./*.deb; do dpkg-deb -x "$deb" "$cache/root" || exit; done
  rm -f ./*.deb "$cache"/root/usr/lib/postgresql/*/lib/llvmjit.so
  wrap_unpacked
)

# A starter for each unpacked program: only there, and not in our environment, are its libraries known, because a test
# starts its servers with an environment of its own.
wrap_unpacked() {
  local program libraries
  libraries=$(find "$cache/root/usr/lib" "$cache/root/lib" -maxdepth 1 -name '*-linux-gnu*' 2>/dev/null | paste -sd:) || true
  mkdir -p "$cache/bin"
  for program in "$cache"/root/usr/bin/* "$cache"/root/usr/sbin/* "$cache"/root/usr/lib/postgresql/*/bin/*; do
    [ -x "$program" ] || continue
    printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$libraries" "$program" >"$cache/bin/${program##*/}"
    chmod +x "$cache/bin/${program##*/}"
  done
}

# Puts unpacked programs behind the machine's own.
use_unpacked() {
  [ ! -d "$cache/bin" ] || [[ :$PATH: == *:$cache/bin:* ]] || PATH=$PATH:$cache/bin
}

# The folder of initdb, postgres and psql, the newest first.
postgres_bin() {
  local dir
  while read -r dir; do
    [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && [ -x "$dir/psql" ] && echo "$dir" && return 0
  done < <(
    command -v initdb | xargs -r dirname
    find /usr/lib/postgresql /usr -maxdepth 2 -path '*/bin' 2>/dev/null | sort -Vr
  )
  return 1
}

need_postgres() {
  use_unpacked
  local bin
  postgres_bin >/dev/null || { install_packages postgresql && use_unpacked; }
  bin=$(postgres_bin) || give_up "PostgreSQL's initdb, postgres and psql are missing"
  # In front: Debian's own psql is a wrapper that looks for clusters to connect to.
  export PATH=$bin:$PATH
}

# need_command COMMAND [PACKAGE]
need_command() {
  use_unpacked
  command -v "$1" >/dev/null || { install_packages "${2:-$1}" && use_unpacked; }
  command -v "$1" >/dev/null || give_up "$1 is missing"
}

need_rust() {
  command -v cargo >/dev/null || [ ! -x "${HOME:-}/.cargo/bin/cargo" ] || PATH=$PATH:$HOME/.cargo/bin
  command -v cargo >/dev/null || give_up "Rust is missing. https://rustup.rs installs it; then open a new shell."
  # A Rust that the administrator installed keeps its downloads where this user may not write.
  local home=${CARGO_HOME:-$HOME/.cargo}
  if [ -d "$home" ] && [ ! -w "$home" ]; then
    export CARGO_HOME=$HOME/.cargo
    mkdir -p "$CARGO_HOME"
    [ ! -f "$home/config.toml" ] || [ -e "$CARGO_HOME/config.toml" ] || cp "$home/config.toml" "$CARGO_HOME/"
  fi
  # Where cargo is a plain link, its subcommands (fmt, clippy) lie beside the toolchain.
  PATH=$PATH:$(rustc --print sysroot)/bin
  if ! command -v cc >/dev/null; then
    is_root || give_up "a C compiler is missing. An administrator can install it: apt-get install gcc libc6-dev"
    install_packages gcc libc6-dev
  fi
}

# build_release TOOL: builds it as users have it, and puts it in front of the PATH.
build_release() {
  need_rust
  local since=$SECONDS profile=release
  [ "$1" != pi-uploader ] || profile=small
  show "cargo build --profile $profile -p $1"
  (cd "$top" && cargo build --profile "$profile" --locked --quiet -p "$1") || give_up "$1 does not build"
  echo "built in $((SECONDS - since)) s"
  export PATH=${CARGO_TARGET_DIR:-$top/target}/$profile:$PATH
}

# --- a place and a server of our own ----------------------------------------------------------------------------

# make_work NAME: $work, a temporary folder that is gone when the script ends, however it ends.
make_work() {
  work=$(mktemp -d "${TMPDIR:-/tmp}/$1.XXXXXX")
  server=$work/server
  chmod 711 "$work"
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  # Settings of the caller must not reach the tool under show.
  local name
  for name in $(compgen -e | grep -E '^(PG[A-Z]+|BACKEND_.*|LOCAL_DB_PATH|DEVICE_ID|SYNC_.*|POSTGRES_.*|SQLITE.*|MYSQL.*|DATABASE_URL|TIMESTAMP_FILE_PATH|SYNC_INTERVAL.*|DB_SYNC_.*|GOOGLE_.*)$'); do
    [ "$name" = PGCLIENTENCODING ] || unset "$name"
  done
}

clean_up() {
  trap '' INT TERM HUP
  local pid
  stop_mariadb
  for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
  [ ! -e "$server/data/postmaster.pid" ] || as_server pg_ctl stop -D "$server/data" -m immediate >/dev/null 2>&1 || true
  wait 2>/dev/null || true
  cd /
  rm -rf "$work"
}

# as_account NAME FOLDER COMMAND…: in this folder as this user, or nobody where there is none. Servers refuse to run as
# root; every other user runs them as themselves.
as_account() {
  if ! is_root; then
    "${@:3}"
    return
  fi
  local user=nobody
  ! id "$1" >/dev/null 2>&1 || user=$1
  (cd "$2" && exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "${@:3}")
}

as_server() { as_account postgres "$server" "$@"; }

# A fresh PostgreSQL with the distribution's defaults on a free port of 127.0.0.1. Sets PGHOST, PGPORT, PGUSER,
# PGPASSWORD and PGDATABASE.
start_postgres() {
  mkdir -m 700 "$server"
  export PGHOST=127.0.0.1 PGUSER=postgres PGPASSWORD=throwaway PGDATABASE=postgres
  echo "$PGPASSWORD" >"$server/password"
  if is_root; then
    local owner=nobody
    ! id postgres >/dev/null 2>&1 || owner=postgres
    chown -R "$owner" "$server"
  fi
  as_server initdb -D "$server/data" -U "$PGUSER" --pwfile="$server/password" --auth=scram-sha-256 -E UTF8 \
    --locale=C.UTF-8 --no-sync >"$work/initdb.log" 2>&1 || give_up "initdb: $(tail -n 3 "$work/initdb.log")"
  for _ in 1 2 3 4 5; do
    PGPORT=$((20000 + RANDOM % 12000))
    export PGPORT
    # No socket file: a temporary folder's path may be too long for one.
    as_server pg_ctl start -w -D "$server/data" -l "$server/log" \
      -o "-p $PGPORT -c listen_addresses=$PGHOST -c unix_socket_directories=''" >"$work/pg_ctl.log" 2>&1 && return
  done
  give_up "PostgreSQL does not start: $(tail -n 3 "$server/log")"
}

# sql STATEMENT [psql options]: bare rows, columns separated by |.
sql() { PGOPTIONS="-c client_min_messages=warning" psql -XAtq -v ON_ERROR_STOP=1 -c "$@"; }

new_database() { sql "DROP DATABASE IF EXISTS \"$1\"" && sql "CREATE DATABASE \"$1\""; }

# database_url DATABASE
database_url() { echo "postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$1"; }

# --- day files --------------------------------------------------------------------------------------------------

# make_day_file FOLDER DAY N_ROWS [JOURNAL_MODE]: rows of about 100 bytes, spread over the day; ids start at 1.
make_day_file() {
  sqlite3 "$1/${2//-/_}.db" >/dev/null <<SQL
PRAGMA journal_mode = ${4:-DELETE};
PRAGMA synchronous = OFF;
CREATE TABLE measurements(
  id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, machine TEXT, value REAL, counter INTEGER, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $3)
INSERT INTO measurements
SELECT i, strftime('%Y-%m-%dT%H:%M:%fZ', '$2', ((i - 1) * 86400.0 / $3) || ' seconds'), 'press-' || (i % 12),
  20 + (i * 7919 % 100000) / 1000.0, i * 3,
  CASE i % 5 WHEN 0 THEN NULL ELSE 'pièce n° ' || i || ', vérifiée à l''atelier, série B' END
FROM n;
SQL
}

. "$top/scripts/mariadb.sh"
