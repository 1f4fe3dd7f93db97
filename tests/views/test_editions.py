"""Three editions from one source: nobody sees the solutions before the exercise is done."""

import ast
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from retention_lib.errors import ChoiceError, InputError
from retention_lib.views import editions
from retention_lib.views.editions import EDITIONS, edition_of, write_editions
from retention_lib.wording import LANGUAGES

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
MEANT = {"solution", "presenter", "exercise"}
SECRET, NOTE, TASK = "The answer is a half.", "Tell them a joke.", "How much is left?"


def read(path):
    return nbformat.reads(path.read_text("utf-8"), as_version=4)


def chapter(*more):
    make = nbformat.v4
    markdown, code = make.new_markdown_cell, make.new_code_cell
    cells = [
        markdown("# The chapter & its <title>\n\nSee [08 Another](08_another.ipynb)."),
        markdown(NOTE, metadata={"tags": ["presenter"]}),
        code("import os\n\nprint(os.environ['RETENTION_MASK'], os.environ['RETENTION_LANGUAGE'])"),
        markdown(f"### A task\n\n{TASK} <!-- constants: 5 -->", metadata={"tags": ["exercise"]}),
        code(f"print({SECRET!r})", metadata={"tags": ["solution"]}),
        markdown(SECRET, metadata={"tags": ["solution"]}),
        *(code(source) for source in more),
    ]
    return make.new_notebook(cells=cells)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with two chapters, and one file of transactions."""
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    nbformat.write(chapter(), notebooks / "07_the_chapter.ipynb")
    nbformat.write(chapter("1 / 0", "print('later')"), notebooks / "08_another.ipynb")
    lines = pd.DataFrame({"customer_id": ["a"], "date": [pd.Timestamp("2024-01-05")]})
    lines.assign(amount=1.0).to_parquet(tmp_path / "shop & <co>.parquet")
    monkeypatch.setattr(editions, "project_folder", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("edition", "solution", "note"),
    [("reader", False, False), ("solution", True, False), ("presenter", True, True)],
)
def test_each_edition_has_what_is_for_its_readers(edition, solution, note):
    whole = chapter()
    before = nbformat.writes(whole)
    made = nbformat.writes(edition_of(whole, edition))
    assert (SECRET in made, NOTE in made, TASK in made) == (solution, note, True)
    assert nbformat.writes(whole) == before


def test_live_widgets_go_and_what_shows_beside_them_stays():
    whole = chapter()
    shown = {editions.WIDGET_VIEW: {"model_id": "1"}, "text/html": "<p>still</p>"}
    whole.cells[2].outputs = [
        nbformat.from_dict({"output_type": "display_data", "metadata": {}, "data": shown}),
        nbformat.from_dict(
            {"output_type": "display_data", "metadata": {}, "data": {editions.WIDGET_VIEW: {}}}
        ),
    ]
    (output,) = edition_of(whole, "reader").cells[1].outputs
    assert output.data == {"text/html": "<p>still</p>"}


def test_an_unknown_edition_chapter_or_language_is_refused_with_the_choices(project):
    with pytest.raises(ChoiceError, match="presenter"):
        edition_of(chapter(), "teacher")
    with pytest.raises(ChoiceError, match="fr"):
        write_editions(project / "out", language="de")
    with pytest.raises(ChoiceError, match="07"):
        write_editions(project / "out", chapters=[3], path=project / "shop & <co>.parquet")


@pytest.mark.parametrize("place", ["notebooks", "notebooks/fr", "data/sample/b2b"])
def test_nothing_is_written_over_what_the_editions_are_made_of(project, place):
    with pytest.raises(InputError, match="another folder"):
        write_editions(project / place, path=project / "shop & <co>.parquet")


@pytest.mark.slow
def test_the_chapters_run_on_the_base_and_a_chapter_that_stops_says_so(project):
    base = project / "shop & <co>.parquet"
    done = write_editions(project / "out", path=base, language="fr", masked=True)
    assert [file.relative_to(project / "out").as_posix() for file in done.files] == [
        f"{edition}/index.html" for edition in EDITIONS
    ]
    assert len(done.all_files) == 3 * 5
    pages = {
        edition: (project / "out" / edition / "07_the_chapter.html").read_text("utf-8")
        for edition in EDITIONS
    }
    for edition, page in pages.items():
        assert "1 fr" in page  # masked and in French, as asked
        assert (SECRET in page) == (edition != "reader")
        assert (NOTE in page) == (edition == "presenter")
        assert "shop &amp; &lt;co&gt;" in page
        assert 'href="08_another.html"' in page
        assert "constants" not in page
        assert page.startswith('<!DOCTYPE html>\n<html lang="fr">')
    assert "Place pour votre réponse" in pages["reader"]
    assert "Place pour votre réponse" not in pages["solution"]
    stopped = (project / "out" / "reader" / "08_another.html").read_text("utf-8")
    assert "division by zero" in stopped
    assert "later" not in re.sub(r"<pre.*?</pre>", "", stopped, flags=re.S)
    assert "08" in done.problems[-1]
    assert done.sentence().startswith("2 chapitres écrits en trois éditions")


# --- the chapters themselves ---------------------------------------------------------------------


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_nothing_that_is_for_everybody_needs_a_solution(path):
    notebook = read(path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    secret = [cell for cell in code if "solution" in cell.metadata.get("tags", [])]
    made = {name for cell in secret for name in names(cell.source, ast.Store)}
    open_to_all = [cell for cell in code if cell not in secret]
    used = {name for cell in open_to_all for name in names(cell.source, ast.Load)}
    own = {name for cell in open_to_all for name in names(cell.source, ast.Store)}
    assert not (made & used) - own
    assert not made & own, "a solution changes what a later cell shows"
    tags = {tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])}
    alike = {tag for tag in tags if tag[:3] in {known[:3] for known in MEANT}}
    assert alike <= MEANT, "a misspelt tag would show a solution to everybody"


def names(source, kind):
    return {
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, kind)
    }


def test_each_exercise_of_the_workshop_is_followed_by_a_solution_that_was_run():
    cells = read(ROOT / "notebooks" / "10_the_workshop.ipynb").cells
    tags = [set(cell.metadata.get("tags", [])) for cell in cells]
    asked = [place for place, of in enumerate(tags) if "exercise" in of]
    assert len(asked) >= 3
    for place in asked:
        run, said = cells[place + 1 : place + 3]
        assert all("solution" in of for of in tags[place + 1 : place + 3])
        assert run.cell_type == "code"
        assert run.outputs
        assert said.cell_type == "markdown"
    assert sum("presenter" in of for of in tags) >= 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_workshop_as_it_ships_is_written_without_running(tmp_path, monkeypatch, language):
    monkeypatch.setattr(editions, "_run", None)
    sample = ROOT / "data" / "sample" / "b2b"
    done = write_editions(tmp_path, chapters=[10], path=sample, language=language, masked=False)
    for file in done.all_files:
        if file.suffix == ".html":
            page = file.read_text("utf-8")
            assert not re.search(
                r"<script|<iframe|https?://(?!doi\.org)[^\s\"<]*\.(?:js|css)", page
            )
            assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)
            assert "default-src 'none'" in page
            assert all(re.search(r'alt="[^"]+"', image) for image in re.findall("<img[^>]*>", page))
        else:
            nbformat.validate(read(file))
    reader = (tmp_path / "reader").glob("10_*.html")
    assert "For the presenter" not in next(iter(reader)).read_text("utf-8")
