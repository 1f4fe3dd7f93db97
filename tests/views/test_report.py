"""The report: what of a chapter stays, what is said where, and what stands in its files."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pandas as pd
import pytest

import retention_lib as rl
from retention_lib import filing
from retention_lib.errors import ChoiceError, InputError
from retention_lib.views import _report_chapters as chapters_of
from retention_lib.views import _report_files as files
from retention_lib.views import _report_metrics, report, theme
from retention_lib.views._report_chapters import Chapter, cut, find_chapters
from retention_lib.views._report_numbers import is_backed, numbers_printed
from retention_lib.views._report_outputs import Tables, chapter_page, output_html
from retention_lib.views._report_page import COLOURS, ChapterPage, Frame, page, style
from retention_lib.views._report_prose import kept, to_html
from retention_lib.views._report_run import Job, Queue, Ran
from retention_lib.wording import Wording

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
EN, FR = Wording("en", "EUR"), Wording("fr", "EUR")


# --- what of a chapter stays -------------------------------------------------------------------


def notebook(folder: Path, *cells: tuple[str, str], name: str = "02_x.ipynb") -> Chapter:
    make = nbformat.v4
    made = [
        make.new_code_cell(text) if kind == "code" else make.new_markdown_cell(text)
        for kind, text in cells
    ]
    for (kind, _), cell in zip(cells, made, strict=True):
        cell.metadata["tags"] = [kind] if kind == "solution" else []
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(make.new_notebook(cells=made), folder / name)
    return Chapter(name[:2], folder / name, folder / name)


def test_exercises_solutions_and_how_to_press_keys_are_left_out(tmp_path: Path) -> None:
    chapter = notebook(
        tmp_path,
        ("text", "# T\n\n**The question.** Why?\n\n**Minutes.** About ten."),
        ("code", "import retention_lib as rl\nbase = rl.open_base()"),
        ("text", "## Found\n\nSo it is."),
        ("code", "base.name"),
        ("solution", "The answer is no."),
        ("text", "## Exercise\n\nTry.\n\n## What would change our mind\n\nMore data."),
    )
    shown = [piece.heading for piece in cut(chapter) if piece.shown and piece.level]
    assert shown == ["T", "Found", "What would change our mind"]
    assert not any(piece.shown for piece in cut(chapter) if "answer" in piece.text)


def test_a_cell_of_a_section_left_out_runs_only_if_a_later_one_needs_it(tmp_path: Path) -> None:
    chapter = notebook(
        tmp_path,
        ("text", "## Try it"),
        ("code", "needed = 1"),
        ("code", "unused = 2"),
        ("text", "## Found"),
        ("code", "needed + 1"),
    )
    assert [p.code for p in cut(chapter) if p.runs] == ["needed = 1", "needed + 1"]
    assert [p.code for p in cut(chapter) if p.shown and p.code] == ["needed + 1"]


def test_a_french_chapter_leaves_out_the_sections_of_the_english_one(tmp_path: Path) -> None:
    english = notebook(tmp_path, ("text", "## Exercise\n\nTry."), ("text", "## Next\n\nGo."))
    cells = (("text", "## À vous\n\nEssayez."), ("text", "## Ensuite\n\nAllez."))
    french = notebook(tmp_path / "fr", *cells, name="02_y.ipynb")
    both = Chapter("02", french.path, english.path)
    assert both.translated
    assert not [piece for piece in cut(both) if piece.shown]


def test_every_section_that_is_left_out_by_name_is_in_a_chapter() -> None:
    headings = "\n".join(
        re.sub(r"(?m)^#+ ", "\n@", "".join(cell["source"]))
        for path in NOTEBOOKS.glob("*.ipynb")
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        if cell["cell_type"] == "markdown"
    )
    wanted = chapters_of.LEFT_OUT_HEADINGS
    assert sorted(name for name in wanted if f"@{name}" not in headings) == []


def test_every_sentence_to_say_comes_from_a_cell_that_the_report_shows() -> None:
    for chapter in find_chapters(NOTEBOOKS, "en", None):
        shown = {chapters_of.expression_of(p.code) for p in cut(chapter) if p.code and p.shown}
        assert set(chapters_of.SAID.get(chapter.number, ())) <= shown, chapter.path.name


def test_chapters_are_asked_for_by_number_and_an_unknown_one_lists_what_there_is() -> None:
    assert [c.number for c in find_chapters(NOTEBOOKS, "en", [8, "02"])] == ["02", "08"]
    with pytest.raises(ChoiceError, match="'00', '01'"):
        find_chapters(NOTEBOOKS, "en", [77])
    with pytest.raises(InputError, match="names no chapter"):
        find_chapters(NOTEBOOKS, "en", [])


# --- which words stay --------------------------------------------------------------------------


def test_a_figure_that_this_base_does_not_print_is_not_told_as_its_own() -> None:
    text = "It rises. Of 1,234 customers 56 left. So act."
    assert kept(text, set()) == "It rises. So act."
    assert kept(text, numbers_printed("1 234 clients, 56 partis")) == text


def test_french_and_english_ways_of_writing_a_number_are_read_alike() -> None:
    assert is_backed("12,5 % des 1\u202f234 clients", numbers_printed("12.5 % of 1,234"))
    assert not is_backed("12,5 %", numbers_printed("125 %"))


def test_numbers_of_chapters_and_list_marks_are_no_figures() -> None:
    assert is_backed("See chapters 02 and 05, or [07 What it pays](07_x.ipynb).", set())
    assert is_backed("1. First", set())


def test_what_somebody_at_a_keyboard_is_told_goes_with_what_speaks_of_it() -> None:
    text = "Look. Type `rl.open_base()` here. It opens the base. Then read on.\n\nThe end."
    assert kept(text, set()) == "Look.\n\nThe end."
    assert kept("A computer reads `03/02` as two days.", set())


def test_no_report_says_that_its_customers_are_the_sample() -> None:
    for language in ("en", "fr"):
        for chapter in find_chapters(NOTEBOOKS, language, [0]):
            told = " ".join(kept(p.text, set()) for p in cut(chapter) if p.shown and p.text)
            assert len(told) > 500
            assert not re.search("distribut|record shop|disquaire", told), told


def test_code_goes_with_the_line_that_announces_it() -> None:
    assert (
        kept("Stay.\n\nType these lines:\n\n```python\nx = 1\n```\n\nEnd.", set())
        == "Stay.\n\nEnd."
    )


def test_markdown_never_lets_markup_through() -> None:
    assert "<script>" not in to_html("<script>x</script> **b**", set())


def test_a_link_leads_to_the_chapter_where_it_is_in_the_report() -> None:
    text = "[05 Who](05_who.ipynb) and [06 What](../06_what.ipynb)"
    assert to_html(text, {"05"}) == '<p><a href="#chapter-05">05 Who</a> and 06 What</p>\n'


# --- outputs -----------------------------------------------------------------------------------


def shown(**data: str) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "x", **data}}


def test_a_picture_comes_with_its_text_alternative_escaped() -> None:
    output = shown(**{"image/png": "QUJD\n"})
    output["metadata"] = {"image/png": {"alt": 'of "A" & <B>'}}
    markup = output_html([output], EN)
    assert 'alt="of &quot;A&quot; &amp; &lt;B&gt;"' in markup
    assert "data:image/png;base64,QUJD" in markup


def test_live_widgets_scripts_and_code_do_not_come_along() -> None:
    widget = shown(**{"application/vnd.jupyter.widget-view+json": "{}"})
    live = shown(**{"text/html": "<p>a</p><script>x</script><pre>rl.x()</pre><code>y</code>"})
    assert output_html([widget, live], EN) == "<p>a</p>"


def test_the_remedies_of_results_come_without_calls_of_the_library() -> None:
    told = "Corrigez-les à la source ; la liste : .concerned(&quot;x&quot;). Puis rl.find(base)."
    cell = shown(**{"text/html": f"<td>{told}</td><td>a_b=c; x.py</td>"})
    assert output_html([cell], FR) == "<td>Corrigez-les à la source.</td><td>a_b=c; x.py</td>"
    code = f"<p>{FR.say('explorer.code')}</p><pre>rl.x()</pre>"
    assert output_html([shown(**{"text/html": code})], FR) == "<p></p>"


def test_a_french_text_alternative_has_french_marks() -> None:
    output = shown(**{"image/png": "QUJD"})
    output["metadata"] = {"image/png": {"alt": "Perdus: 3; gardés: 4. ."}}
    assert 'alt="Perdus\xa0: 3\u202f; gardés\xa0: 4."' in output_html([output], FR)
    assert 'alt="Perdus: 3; gardés: 4. ."' in output_html([output], EN)


def test_what_two_chapters_say_is_said_once_at_the_beginning() -> None:
    same = [ChapterPage(number, number, "", said=("No forecast.",)) for number in ("05", "06")]
    made = page(Frame("t", (), (), (), (), "1"), same, EN)
    assert made.count("<p>No forecast.</p>") == 1


def test_no_line_of_a_french_page_begins_with_a_mark() -> None:
    body = "<p>Combien ? « 12 % » ; 1 000 € : oui.</p>"
    made = page(Frame("t", (), (), (), (), "1"), [ChapterPage("02", "T", body)], FR)
    assert "<p>Combien\xa0? «\xa012\xa0%\xa0»\xa0; 1\u202f000\xa0€\xa0: oui.</p>" in made
    assert body in page(Frame("t", (), (), (), (), "1"), [ChapterPage("02", "T", body)], EN)


def test_a_note_about_the_data_is_told_and_the_grumbling_of_a_package_is_not() -> None:
    said = "/x/y.py:3: FutureWarning: old\n  line\nPlease note: 3 rows <were> set aside\n"
    stream = {"output_type": "stream", "name": "stderr", "text": said}
    assert output_html([stream], EN) == (
        '<p class="note">Please note: 3 rows &lt;were&gt; set aside</p>'
    )


def test_a_chapter_that_stops_says_why_and_shows_what_came_before(tmp_path: Path) -> None:
    chapter = notebook(
        tmp_path, ("text", "# Tank\n\n**Q.** Why?"), ("code", "1"), ("code", "flows")
    )
    ran = Ran("02", [[shown(**{"text/html": "<p>one</p>"})], []], ("InputError", "No <rows>."))
    made = chapter_page(chapter, cut(chapter), ran, Tables(EN), {"02"})
    assert "<p>one</p>" in made.body
    assert "No &lt;rows&gt;." in made.problem
    assert (made.title, made.question) == ("Tank", "Why?")


def test_the_sentence_to_say_is_that_of_its_cell(tmp_path: Path) -> None:
    chapter = notebook(tmp_path, ("text", "# Tank"), ("code", "x = 1\nflows"), ("code", "other"))
    markup = "<div><p><strong>12 left.</strong></p><p><strong>no</strong></p></div>"
    outputs = [[shown(**{"text/html": markup})], [shown(**{"text/html": markup})]]
    made = chapter_page(chapter, cut(chapter), Ran("02", outputs), Tables(EN), set())
    assert list(made.said) == ["12 left."]


def test_a_heading_with_nothing_left_under_it_goes(tmp_path: Path) -> None:
    cells = (("text", "## Empty\n\nPress the button."), ("text", "## Full\n\nSo it is."))
    chapter = notebook(tmp_path, *cells)
    made = chapter_page(chapter, cut(chapter), Ran("02"), Tables(EN), set())
    assert made.body == "<h3>Full</h3>\n<p>So it is.</p>\n"


# --- the page ----------------------------------------------------------------------------------


class Outline(HTMLParser):
    """Headings, names and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given["href"])


def one_page(w: Wording, **more: Any) -> str:
    frame = Frame("A & <b>", ["lead"], [("as of", "x")], [("customers.csv", "y")], ["p <1>"], "0")
    chapter = ChapterPage("02", "Tank", "<h3>In</h3><p>t</p>", "Why?", ["12 left."], **more)
    return page(frame, [chapter], w)


def test_headings_are_in_order_links_lead_somewhere_and_names_are_escaped() -> None:
    text = one_page(EN)
    outline = Outline(text)
    assert outline.levels[0] == 1
    assert outline.levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(outline.levels, outline.levels[1:], strict=False))
    assert {link[1:] for link in outline.links} <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))
    assert "<title>A &amp; &lt;b&gt;</title>" in text
    assert "p &lt;1&gt;" in text


def test_the_page_has_no_script_and_forbids_every_request() -> None:
    text = one_page(EN)
    assert not {"script", "iframe", "object", "form"} & set(Outline(text).tags)
    assert "default-src 'none'" in text
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text)


def test_a_french_page_says_that_it_is_french_and_marks_english_prose() -> None:
    text = one_page(FR)
    assert '<html lang="fr">' in text
    assert "À dire en réunion" in text
    assert '<span lang="en">02 Tank' in text
    assert "Le texte de ce chapitre est en anglais" in text
    assert "en anglais" not in one_page(FR, prose_language="fr")


def test_every_colour_of_text_can_be_read_on_its_ground() -> None:
    for ink in ("ink", "quiet", "link"):
        for ground in ("paper", "band", "note", "problem"):
            assert theme.contrast(COLOURS[ink], COLOURS[ground]) >= 4.5, (ink, ground)
    assert not re.search(r"\b(?:INK|LINK|PAPER|BAND|NOTE|RULE)\b", style())


# --- running -----------------------------------------------------------------------------------


def test_the_files_are_made_where_their_results_are_and_every_job_is_done_once() -> None:
    numbers = ["00", "01", "02", "03", "05", "06", "08", "10"]
    queue = Queue.of([Job(n, []) for n in numbers], Job("files", [], keeps=False))
    taken = [job.number for job in iter(lambda: queue.take(1), None)]
    assert "files" not in taken
    rest = [job.number for job in iter(lambda: queue.take(0), None)]
    assert rest == ["files"]
    assert sorted(taken) == numbers


# --- where it goes -----------------------------------------------------------------------------


def base_of(language: str = "en", **more: Any) -> rl.CustomerBase:
    lines = pd.DataFrame(
        {
            "customer_id": ["007", "007", "=1+1"],
            "date": pd.to_datetime(["2024-01-05", "2024-03-05", "2024-02-01"]),
            "amount": [10.0, 20.0, 5.0],
        }
    )
    return rl.CustomerBase.from_tables(lines, language=language, currency="EUR", **more)


def test_a_report_never_goes_into_the_samples_nor_over_a_file(tmp_path: Path) -> None:
    sample = NOTEBOOKS.parent / "data" / "sample" / "b2b"
    with pytest.raises(InputError, match="samples stay as they are"):
        report._folder(sample, sample / "report", base_of())
    taken = tmp_path / "taken"
    taken.write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="is a file"):
        report._folder(sample, taken, base_of())


def test_a_workbook_of_ones_own_keeps_its_reports_by_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "data" / "mine" / "shop"
    own.mkdir(parents=True)
    (own / "workbook.toml").write_text("", encoding="utf-8")
    monkeypatch.setattr(report, "project_folder", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    assert report._folder(own, None, base_of()) == own / "report-2024-03-05"
    assert report._folder(tmp_path, None, base_of()) == tmp_path / "report"


def test_a_file_that_another_program_holds_is_told_and_the_others_are_written(
    tmp_path: Path,
) -> None:
    (tmp_path / "made").mkdir()
    for name in ("customers.csv", "metrics.json"):
        (tmp_path / "made" / name).write_text("x", encoding="utf-8")
    (tmp_path / "out" / "customers.csv").mkdir(parents=True)  # cannot be replaced by a file
    names = ["customers.csv", "metrics.json"]
    with filing.Swap() as swap:
        moved, problems = report._move(str(tmp_path / "made"), tmp_path / "out", names, EN, swap)
    assert [path.name for path in moved] == ["metrics.json"]
    assert len(problems) == 1
    assert problems[0].startswith("customers.csv could not be written")


# --- the files ---------------------------------------------------------------------------------


def results_of(base: rl.CustomerBase) -> files.Results:
    ids = ["007", "=1+1"]
    tables: dict[str, dict[str, Any]] = {
        "journeys": {
            "customer_id": ids,
            "name": ["Zoé & Cie", "-Dupont"],
            "contactable": [True, False],
            "journey": ["Rest", "Welcome"],
            "why": ["asked by Zoé", "new"],
        },
        "rfm": {"customer_id": ids, "segment": ["Champions", "Lost"]},
        "types": {"customer_id": ids[:1], "type": ["Frequent"]},
        "scores": {"customer_id": ids[:1], "churn_probability": [0.12345], "reasons": ["Silent"]},
        "value": {
            "customer_id": ids,
            "p_alive": [0.9, 0.5],
            **{"clv": [10.0, 1234.567], "clv_low": [1.0, 2.0], "clv_high": [20.0, 3000.0]},
        },
        "risk": {"customer_id": ids[:1], "value_at_risk": [1.5]},
        "signals": {"customer_id": ["007", "007"], "signal": ["Silent", "Slowing"]},
    }
    made = {name: SimpleNamespace(table=pd.DataFrame(table)) for name, table in tables.items()}
    return files.Results(base, made)


def read_csv(place: Path, mark: str) -> list[list[str]]:
    assert place.read_bytes().startswith(b"\xef\xbb\xbf")
    with place.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=mark))


def consents(*said: bool | None) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": ["007", "=1+1"], "contactable": list(said)})


def test_the_list_of_customers_has_one_row_each_the_most_valuable_first() -> None:
    results = results_of(base_of(customers=consents(True, False)))
    frame = files.customers_frame(results, masked=False)
    assert tuple(frame.columns) == files.COLUMNS
    assert frame["customer_id"].tolist() == ["=1+1", "007"]
    assert frame["signals"].tolist() == ["", "Silent; Slowing"]
    assert frame["value_at_risk"].isna().tolist() == [True, False]


def test_nobody_is_said_to_agree_whom_the_file_does_not_say_to() -> None:
    base = base_of("fr", customers=consents(True, None))
    told, _ = files.in_words(files.customers_frame(results_of(base), masked=False), base.wording)
    assert told["Peut être contacté"].tolist() == ["non renseigné", "oui"]
    silent = files.customers_frame(results_of(base_of()), masked=False)
    assert "contactable" not in silent


def test_a_column_that_nothing_fills_is_left_out() -> None:
    results = results_of(base_of())
    results.kept["scores"].table["churn_probability"] = float("nan")
    assert "churn_probability" not in files.customers_frame(results, masked=False)


def test_the_csv_is_what_a_french_spreadsheet_reads_and_runs_nothing(tmp_path: Path) -> None:
    base = base_of("fr", customers=consents(True, False))
    frame = files.customers_frame(results_of(base), masked=False)
    files.write_csv(frame, tmp_path / "c.csv", base.wording)
    rows = read_csv(tmp_path / "c.csv", ";")
    assert rows[0][:4] == ["Client", "Nom", "Peut être contacté", "Segment"]
    assert rows[1][:3] == ["'=1+1", "'-Dupont", "non"]
    assert rows[2][0] == "007"
    assert "0,1235" in rows[2] or "0,1234" in rows[2]
    assert "1234,57" in rows[1]


def test_the_excel_file_holds_texts_as_texts_and_numbers_as_numbers(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    base = base_of()
    frame = files.customers_frame(results_of(base), masked=False)
    files.write_xlsx(frame, tmp_path / "c.xlsx", base.wording)
    sheet = openpyxl.load_workbook(tmp_path / "c.xlsx").active
    rows = list(sheet.iter_rows())
    heads = [cell.value for cell in rows[0]]
    first = dict(zip(heads, rows[1], strict=True))
    assert (first["Customer"].value, first["Customer"].data_type) == ("=1+1", "s")
    assert first["Worth to come"].value == pytest.approx(1234.567)
    assert "%" in first["Still a customer (probability)"].number_format
    assert [path.name for path in tmp_path.iterdir()] == ["c.xlsx"]


def test_masked_files_hold_no_name_and_no_identifier() -> None:
    frame = files.customers_frame(results_of(base_of()), masked=True)
    told = frame.to_csv()
    assert not re.search("Zo|Dupont|007|1\\+1", told)
    assert frame["customer_id"].str.startswith("Customer ").all()
    assert "why" not in frame


def test_what_cannot_be_worked_out_is_told_and_the_rest_is_there() -> None:
    results = results_of(base_of())
    del results.kept["value"], results.kept["risk"]  # type: ignore[attr-defined]
    results.__dict__["value"] = results.tried(lambda: _refuse())
    frame = files.customers_frame(results, masked=False)
    assert results.problems == ["Too few customers."]
    assert "clv" not in frame
    assert frame["segment"].tolist() == ["Champions", "Lost"]


def _refuse() -> None:
    raise InputError("Too few customers.")


def test_figures_of_a_short_history_are_those_that_the_chapters_show() -> None:
    days = pd.date_range("2024-01-01", "2024-07-15", freq="3D")
    lines = pd.DataFrame({"customer_id": ["a", "b", "c"] * 22, "date": days[:66], "amount": 5.0})
    lines = lines[(lines["customer_id"] != "b") | (lines["date"] < "2024-02-15")]
    base = rl.CustomerBase.from_tables(lines, language="en", currency="EUR")
    results = files.Results(base)
    window = rl.measure_window(base)
    assert results.measured.activity_window_days == window.base.activity_window_days
    assert results.measured.activity_window_days < base.activity_window_days
    assert results.flows.period == window.period


def test_key_figures_carry_unit_and_range_and_only_one_entry_knows_the_day() -> None:
    results = files.Results(base_of())
    results.scores = SimpleNamespace(table=pd.DataFrame())
    flows = pd.DataFrame(
        {
            **{"period": ["2024"], "attrition": [0.2], "attrition_low": [0.1]},
            **{"attrition_high": [0.3], "opening": [10], "new": [1], "won_back": [0]},
            **{"lost": [2], "closing": [9], "opening_revenue": [1.5]},
            **{"lost_revenue": [0.5], "closing_revenue": [float("nan")]},
        }
    )
    results.flows = SimpleNamespace(table=flows)
    for absent in ("rfm", "types", "signals", "value", "risk", "gain", "plan", "journeys"):
        setattr(results, absent, None)
    made = _report_metrics.metrics(results)
    attrition = made["figures"]["attrition"]
    assert attrition == {
        **{"value": 0.2, "unit": "share a period", "low": 0.1, "high": 0.3},
        **{"sure": 0.95, "period": "2024"},
    }
    assert made["figures"]["customers"] == {"value": 2, "unit": "customers"}
    assert "revenue_closing" not in made["figures"]
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    again = _report_metrics.metrics(results)
    assert {k: v for k, v in made.items() if k != "made_on"} == {
        k: v for k, v in again.items() if k != "made_on"
    }
