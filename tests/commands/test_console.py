"""What commands print comes out on any terminal."""

import io
import sys

import pytest

from retention_lib import progress
from retention_lib.commands import console


def printed_as(encoding, text, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    console.prepare()
    print(text, end="")
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [
        ("utf-8", "−1\u202f234 € → « été »"),
        ("cp1252", "-1 234 € -> « été »"),
        ("cp850", "-1 234 EUR -> « été »"),
        ("ascii", '-1 234 EUR -> " ete "'),
    ],
)
def test_letters_that_a_console_lacks_are_written_plainly(encoding, seen, monkeypatch):
    text = "−1\u202f234 € → « été »"
    assert printed_as(encoding, text, monkeypatch) == seen


def test_a_letter_without_a_plain_one_does_not_stop_the_command(monkeypatch):
    assert printed_as("cp1252", "客 Ann", monkeypatch) == "? Ann"


def test_columns_stand_under_one_another_and_the_last_is_wrapped(monkeypatch):
    monkeypatch.setenv("COLUMNS", "41")
    shown = console.columns([("a", "1", "word " * 12), ("long", "1000", "short")], right=[1])
    lines = shown.splitlines()
    assert lines[0].startswith("  a        1  word")
    assert lines[1].startswith(" " * 14 + "word")
    assert lines[-1] == "  long  1000  short"
    assert max(map(len, lines)) <= 40


def test_a_path_is_never_cut_in_two(monkeypatch):
    monkeypatch.setenv("COLUMNS", "41")
    path = "C:\\Users\\Zoé\\l'été des données\\un nom de dossier.xlsx"
    assert path in console.wrapped(f"It is in {console.whole(path)} now.").splitlines()


@pytest.mark.parametrize("answer", ['--decimal ","', '--match "customer_id=Code client"'])
def test_an_option_and_its_value_stay_on_one_line(answer, monkeypatch):
    monkeypatch.setenv("COLUMNS", "41")
    for length in range(1, 40):
        assert answer in console.wrapped(f"{'x' * length} or {answer}. Else no.")


def test_a_bar_is_one_line_that_is_gone_when_the_work_ends(monkeypatch):
    monkeypatch.setenv("COLUMNS", "41")
    screen = io.StringIO()
    bar = console.TerminalBar("Forecast", screen)
    bar.show(0.5, "Forecast: 50 %, " + "learning " * 20)
    bar.close()
    shown = screen.getvalue()
    assert "\n" not in shown
    assert "[##########..........] Forecast: 50 %" in shown
    *_, blank, last = shown.split("\r")
    assert blank.strip() == "" and last == ""
    assert max(len(part) for part in shown.split("\r")) <= 40


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "bar"), [(Screen(), True), (io.StringIO(), False)])
def test_a_bar_is_drawn_on_terminals_only(stream, bar, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    before = console.listen()
    listener = progress.listen(before)
    assert (listener is not None) == bar


def test_no_line_begins_with_a_french_mark_nor_is_a_space_that_holds_lost(monkeypatch):
    monkeypatch.setenv("COLUMNS", "41")
    told = console.columns([("facultatif", "il manque les dates : les\u00a0voici")])
    assert "dates :" in told and "les\u00a0voici" in told
    assert console.wrapped("x" * 37 + " y : z").splitlines() == ["x" * 37, "y : z"]


def test_where_columns_have_no_room_they_stand_under_one_another(monkeypatch):
    monkeypatch.setenv("COLUMNS", "41")
    told = console.columns([("a label as long as the line is wide", "what it takes to fill it")])
    assert told.splitlines() == [
        "  a label as long as the line is wide",
        "      what it takes to fill it",
    ]
