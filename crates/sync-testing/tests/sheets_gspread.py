"""Works on the fake with gspread, a client that knows nothing of it: base URL, key file and workbook id are given."""

import sys

import gspread
import gspread.http_client
import gspread.urls


def point_at(base):
    """Has every address of the API begin with the fake's, wherever gspread keeps it."""
    google = "https://sheets.googleapis.com/"
    for module in (gspread.urls, gspread.http_client):
        for name, value in list(vars(module).items()):
            if isinstance(value, str) and value.startswith(google):
                setattr(module, name, base + value[len(google):])


def fails(status, call):
    try:
        call()
    except gspread.exceptions.APIError as error:
        assert error.response.status_code == status, error
    except gspread.exceptions.SpreadsheetNotFound as error:
        assert error.__cause__.response.status_code == status, error.__cause__
    else:
        raise AssertionError("no error")


def main(base, key, workbook):
    point_at(base)
    account = gspread.service_account(filename=key)
    book = account.open_by_key(workbook)
    assert [w.title for w in book.worksheets()] == ["Sheet1"]
    assert book.locale == "en_US" and book.timezone == "Europe/Paris"

    sheet = book.add_worksheet(title="it's mine", rows=20, cols=5)
    sheet.update([["id", "name"], [1, "=1+1"], [2.5, None]], "A1")
    assert sheet.get_all_values() == [["id", "name"], ["1", "=1+1"], ["2.5", ""]]
    raw = sheet.get("A1:B3", value_render_option=gspread.utils.ValueRenderOption.unformatted)
    assert raw == [["id", "name"], [1, "=1+1"], [2.5]], raw
    sheet.update([["=A2"]], "C2", value_input_option="USER_ENTERED")
    assert sheet.acell("C2").value == "1"
    assert sheet.acell("C2", value_render_option="FORMULA").value == "=A2"
    sheet.append_rows([[3, "x"], [4, "y"]])
    assert sheet.col_values(1) == ["id", "1", "2.5", "3", "4"]
    assert sheet.find("y").address == "B5"
    sheet.batch_clear(["A5:B5"])
    sheet.batch_update([{"range": "A6", "values": [["z"]]}, {"range": "D1:E1", "values": [["p", "q"]]}])
    assert sheet.row_values(1) == ["id", "name", "", "p", "q"]
    sheet.format("A1:B1", {"textFormat": {"bold": True}})
    sheet.freeze(rows=1)
    sheet.resize(rows=30)
    sheet.insert_row(["new"], 2)
    sheet.delete_rows(3)
    assert sheet.col_values(1) == ["id", "new", "2.5", "3", "", "z"]
    sheet.update_title("renamed")
    assert book.worksheet("renamed").row_count == 30
    copy = sheet.duplicate(new_sheet_name="copy")
    assert copy.acell("A1").value == "id"
    sheet.clear()
    assert sheet.get_all_values() == [[]]

    book.del_worksheet(copy)
    book.del_worksheet(sheet)
    assert [w.title for w in book.worksheets()] == ["Sheet1"]
    fails(400, lambda: book.add_worksheet(title="sheet1", rows=1, cols=1))
    fails(400, lambda: book.values_get("nothing!A1"))
    fails(404, lambda: account.open_by_key("nothing"))
    print("gspread", gspread.__version__, "is content")


main(*sys.argv[1:])
