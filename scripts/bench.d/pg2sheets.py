"""What many a script with gspread does: each table's tab is looked up, cleared and filled again, changed or not.

pg2sheets.sh runs it with the same key, workbook and database, on a workbook that has the tabs already.
"""

import datetime
import decimal
import os

import gspread
import gspread.http_client
import psycopg

google, api = os.environ["BENCH_GOOGLE_URL"], "https://sheets.googleapis.com/"
for name, url in list(vars(gspread.http_client).items()):
    if isinstance(url, str) and url.startswith(api):
        setattr(gspread.http_client, name, url.replace(api, google, 1))


def cell(value):
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return "" if value is None else value


account = gspread.service_account(filename=os.environ["GOOGLE_APPLICATION_CREDENTIALS"])
workbook = account.open_by_key(os.environ["GOOGLE_SPREADSHEET_ID"])
with psycopg.connect(os.environ["DB_SYNC_DATABASE_URL"]) as database:
    tables = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
    for (table,) in tables:
        rows = database.execute(f'SELECT * FROM "{table}"')
        header = [column.name for column in rows.description]
        tab = workbook.worksheet(table)
        tab.clear()
        tab.update([header] + [[cell(value) for value in row] for row in rows])
