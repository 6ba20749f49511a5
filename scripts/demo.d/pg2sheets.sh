# shellcheck shell=bash disable=SC2154 # $top is lib's
# Sourced by demo: pg2sheets brings a shop's tables into a workbook on a stand-in for Google's server, which counts the
# calls; then people change the workbook, and what they made stays.

need_for_pg2sheets() {
  need_command curl
  need_rust
  (cd "$top" && cargo build --quiet -p sync-testing --example sheets)
}

# Statements in the shop's database, shown as one would type them.
shop() {
  show "psql -c \"$1\""
  sql "$1"
}

# to_google ARGUMENT…: pg2sheets, with the address that stands for Google's.
to_google() { run pg2sheets "$@" --sheets-url "$google"; }

# One run, and what Google was asked for by it, as Google saw it.
counted() {
  : >calls.log # which the server only adds to
  to_google
  echo "$(asked 'GET .*|POST .*:getByDataFilter.*') read, $(asked 'POST .*:batchUpdate.*') written, $(sent) bytes sent:"
  grep /v4/ calls.log | sed -E 's#/v4/spreadsheets/[^ :?]+#…#; s#\?fields=[^ ]*##; s#, [0-9]+ ms##; s#^#  #'
}
asked() { grep /v4/ calls.log | grep -cE "^($1)" || true; }
sent() { sed -nE 's#^POST /v4/.*:batchUpdate.*, ([0-9]+) bytes.*#\1#p' calls.log | awk '{ n += $1 } END { print n + 0 }'; }

workbook() {
  show "curl '${google}dump?workbook=…'"
  curl -sS "${google}dump?workbook=$GOOGLE_SPREADSHEET_ID&rows=${1:-5}"
}

# person REQUESTS: what somebody does in the browser; ID stands for the products' tab. The token is pg2sheets' own.
person() {
  local api=${google}v4/spreadsheets/$GOOGLE_SPREADSHEET_ID token id
  token=$(sed -E 's/.*"access_token":"([^"]*)".*/\1/' state/token-*.json)
  local call=(curl -sS --fail -H "Authorization: Bearer $token" -H "Content-Type: application/json")
  id=$("${call[@]}" -G "$api" -d 'fields=sheets.properties(sheetId,title)' | tr -d ' \n' |
    grep -o '{[^{}]*"title":"products"[^{}]*}' | grep -oE '"sheetId":[0-9]+' | grep -oE '[0-9]+')
  "${call[@]}" -d "{\"requests\":[${1//ID/$id}]}" "$api:batchUpdate" >/dev/null
}

make_shop() {
  sql "CREATE TABLE customers(id int PRIMARY KEY, name text, password_hash text, since timestamptz);
CREATE TABLE products(id int PRIMARY KEY, name text, price numeric(10,2), available date, note text);
CREATE TABLE orders(id int PRIMARY KEY, customer int, product int, pieces int, ordered timestamptz, is_paid bool);
CREATE TABLE _prisma_migrations(id text PRIMARY KEY);
INSERT INTO customers SELECT n, 'Customer ' || n, md5(n::text), '2026-01-01 12:00+01'::timestamptz + n * interval '7 h' FROM generate_series(1, 200) n;
INSERT INTO products VALUES (1, 'Ampoule', 4.50, '2026-02-01', '=IMPORTDATA(\"https://example.com\")'),
  (2, 'Bougie', 12, '2026-02-28', NULL), (3, 'Crayon', 0.95, NULL, '007'), (4, 'Épingle', 1234.56, '1899-12-31', '+33 1 23 45 67 89');
INSERT INTO orders SELECT n, 1 + n % 200, 1 + n % 4, 1 + n % 7, '2026-03-01'::timestamptz + n * interval '11 min', n % 3 > 0
  FROM generate_series(1, 2000) n"
}

demo_pg2sheets() {
  heading "pg2sheets: a shop's database"
  use_postgres pg2sheets
  unset DATABASE_URL
  make_shop
  run psql -c 'SELECT * FROM products' -c 'SELECT count(*) AS orders FROM orders'

  heading "A server that stands for Google's, a workbook, and the key of a service account"
  local google line
  coproc GOOGLE { exec "${CARGO_TARGET_DIR:-$top/target}/debug/examples/sheets" --log --key key.json 2>>calls.log; }
  read -r google <&"${GOOGLE[0]}"
  read -r line <&"${GOOGLE[0]}"
  google=${google#URL=} google=${google%/}/
  export GOOGLE_SPREADSHEET_ID=${line#WORKBOOK=} DB_SYNC_STATE_DIR=$PWD/state
  DB_SYNC_DATABASE_URL=$(database_url pg2sheets)
  GOOGLE_CREDENTIALS_BASE64=$(base64 -w0 key.json)
  export DB_SYNC_DATABASE_URL GOOGLE_CREDENTIALS_BASE64
  show "export DB_SYNC_DATABASE_URL=$DB_SYNC_DATABASE_URL GOOGLE_SPREADSHEET_ID=$GOOGLE_SPREADSHEET_ID"
  show "export GOOGLE_CREDENTIALS_BASE64=\$(base64 -w0 key.json)"
  to_google check

  heading "Passwords do not belong into a workbook"
  export DB_SYNC_EXCLUDED_COLUMNS='*.password*'
  show "export DB_SYNC_EXCLUDED_COLUMNS='*.password*'"
  to_google --dry-run

  heading "A first run: everything"
  counted
  workbook 5
  echo "Dates are numbers there, with a format in which Google shows them; text stays text, whatever it begins with."

  heading "Nothing has changed: one call, and none that writes"
  counted

  heading "One row has changed: its block of 500 rows"
  shop "UPDATE orders SET pieces = 99 WHERE id = 1700"
  counted

  heading "Somebody renames a tab, adds a column with a formula, and another edits a price"
  person '{"updateSheetProperties": {"properties": {"sheetId": ID, "title": "Catalogue 2026"}, "fields": "title"}},
    {"appendDimension": {"sheetId": ID, "dimension": "COLUMNS", "length": 1}},
    {"updateCells": {"start": {"sheetId": ID, "rowIndex": 0, "columnIndex": 5}, "fields": "userEnteredValue", "rows": [
      {"values": [{"userEnteredValue": {"stringValue": "my price"}}]}, {"values": [{"userEnteredValue": {"formulaValue": "=C2"}}]}]}},
    {"updateCells": {"start": {"sheetId": ID, "rowIndex": 2, "columnIndex": 2}, "fields": "userEnteredValue", "rows": [
      {"values": [{"userEnteredValue": {"numberValue": 1}}]}]}}'
  show "pg2sheets diff --sheets-url $google"
  pg2sheets diff --sheets-url "$google" || echo "exit code $?"

  heading "The table grows by a row and a column; theirs moves to the right, and the price is the database's again"
  shop "ALTER TABLE products ADD COLUMN weight numeric; INSERT INTO products VALUES (5, 'Fil', 3.20, '2026-04-01', NULL, 0.4)"
  counted
  workbook 7 | grep -A 6 Catalogue

  heading "The same as CSV files, without Google; and what is known of the tabs"
  run pg2sheets preview csv
  run cat csv/products.csv
  to_google status
  kill "$GOOGLE_PID"
}
