#!/bin/sh
# The start of pg2sheets' container. Without arguments it runs on the schedule in DB_SYNC_CRON until it is stopped;
# --once is one run, and any other arguments go to pg2sheets likewise: check, status, preview DIR …
set -eu
[ "${1:-}" != pg2sheets ] || shift
[ $# -eq 0 ] || exec pg2sheets "$@"

wrong() {
  echo "pg2sheets: DB_SYNC_CRON: $1" >&2
  echo "hint: five fields as in cron, e.g. DB_SYNC_CRON='*/5 * * * *', or six with seconds first" >&2
  exit 78
}

cron=${DB_SYNC_CRON:-*/5 * * * *}
# `docker run --env-file` keeps the quotes that a shell and Compose take away.
case $cron in \"*\" | \'*\') cron=${cron#?} cron=${cron%?} ;; esac
case $cron in *'
'*) wrong "more than one line" ;; esac
set -f
# shellcheck disable=SC2086 # split into its fields
set -- $cron
[ $# -eq 1 ] || [ $# -eq 5 ] || [ $# -eq 6 ] || [ $# -eq 7 ] || wrong "\"$cron\" has $# fields"

if command -v supercronic >/dev/null; then
  # To supercronic a sixth field is the year; seconds come first of seven.
  year=
  [ $# -ne 6 ] || year=' *'
  crontab=$(mktemp)
  echo "$cron$year pg2sheets --once" >"$crontab"
  supercronic -test "$crontab" >/dev/null 2>&1 || wrong "\"$cron\" is no schedule"
  # The tool's lines as they are, not wrapped; and none of supercronic's own unless something is wrong.
  exec supercronic -passthrough-logs -quiet "$crontab"
fi

# crond changes users, which only root may; everybody else has pg2sheets' own schedule.
if command -v crond >/dev/null && [ "$(id -u)" = 0 ] && [ $# -eq 5 ]; then
  umask 077
  home=$(mktemp -d)
  # crond may give its jobs an environment of its own, and would mail what they say.
  export -p >"$home/environment"
  mkfifo "$home/log"
  chown -R pg2sheets "$home"
  cat <>"$home/log" >&2 &
  mkdir "$home/crontabs"
  echo "$cron . $home/environment; exec pg2sheets --once >$home/log 2>&1" >"$home/crontabs/pg2sheets"
  exec crond -f -c "$home/crontabs"
fi
exec pg2sheets --cron "$cron"
