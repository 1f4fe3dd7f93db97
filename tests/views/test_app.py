"""The app made from the chapters: its pages, its doors, its colours, and the slides."""

import re
from pathlib import Path

import nbformat
import pytest

from retention_lib.errors import InputError
from retention_lib.views import _app_server, _app_slides, app, theme
from retention_lib.wording import LANGUAGES, Wording

TEMPLATES = Path(app.__file__).parent / "templates"
APP = TEMPLATES / "voila" / "templates" / "retention"
ENGLISH = Wording("en")


def code(source, *tags, outputs=(), **metadata):
    cell = nbformat.v4.new_code_cell(source, outputs=list(outputs))
    cell.metadata.update({"tags": list(tags)} if tags else {}, **metadata)
    return cell


def prose(source, *tags, kind=None):
    cell = nbformat.v4.new_markdown_cell(source)
    cell.metadata.update({"tags": list(tags)} if tags else {})
    if kind:
        cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


def chapter(*cells):
    return nbformat.v4.new_notebook(cells=list(cells))


def shown(mime, value, **metadata):
    return nbformat.v4.new_output("display_data", {mime: value}, metadata=metadata)


# --- pages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chapters_make_a_page_of_every_explorer_each_with_a_title_of_its_own(language):
    pages = app.find_pages(app.read_chapters(app.chapters(language)), Wording(language))
    slugs = [page.slug for page in pages]
    assert slugs[:4] == ["scenario", "offer", "segments", "watch-list"]
    assert len({page.title for page in pages}) == len(pages)
    assert all(page.intro for page in pages)


def test_a_page_runs_what_it_needs_and_shows_only_what_is_tagged():
    pages = app.find_pages(
        [
            chapter(
                code("base = rl.open_base()", "silent"),
                code("rl.check_quality(base)"),
                code("offered = rl.evaluate_offer(base)", "app-quiet"),
                code("rl.explore_offer(facts=offered.facts)", "app"),
            )
        ],
        ENGLISH,
    )
    assert [(page.slug, page.before, page.sources) for page in pages] == [
        (
            "offer",
            ("base = rl.open_base()", "offered = rl.evaluate_offer(base)"),
            ("rl.explore_offer(facts=offered.facts)",),
        )
    ]


def test_a_cell_that_calls_nothing_joins_the_page_before_it_under_the_same_heading():
    watch = code("watch = rl.watch_list(base)\nwatch.plot()", "app"), code("watch", "app")
    (page,) = app.find_pages([chapter(prose("## New"), *watch)], ENGLISH)
    assert page.sources[1] == "watch"


def test_a_page_nobody_has_named_is_named_after_its_heading():
    (page,) = app.find_pages([chapter(prose("## Odd <one>"), code("x", "app"))], ENGLISH)
    assert (page.slug, page.title) == ("page", "Odd <one>")


def test_explorers_come_first_and_no_two_pages_share_an_address():
    cells = code("rl.watch_list(b)", "app"), code("rl.explore_watch_list(b)", "app")
    pages = app.find_pages([chapter(*cells)], ENGLISH)
    assert [page.slug for page in pages] == ["watch-list", "watch-list-2"]
    assert "explore" in pages[0].sources[0]


def test_the_notebook_of_the_app_speaks_the_language_of_its_frame():
    page = app.Page("offer", "Offre", "", ("rl.explore_offer(base)",), ("base = 1",))
    notebook = app.app_notebook([page], Wording("fr"), base_said="Ma base")
    assert "rl.speak('fr')" in notebook.cells[0].source
    assert [cell.metadata.retention.page for cell in notebook.cells] == ["", "", "offer"]
    assert notebook.metadata.retention["language"] == "fr"
    assert notebook.metadata.retention["words"]["home"] == "Toutes les questions"
    nbformat.validate(notebook)


def test_without_a_tagged_cell_or_a_chapter_it_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="'app'"):
        app.app_notebook([], ENGLISH)
    with pytest.raises(InputError, match="no chapters"):
        app.chapters("en", tmp_path)


def test_a_chapter_that_is_not_in_french_yet_is_shown_in_english(tmp_path):
    (tmp_path / "fr").mkdir()
    for name in ("00_start.ipynb", "01_base.ipynb", "fr/01_sa_base.ipynb"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    names = [path.name for path in app.chapters("fr", tmp_path)]
    assert names == ["00_start.ipynb", "01_sa_base.ipynb"]


# --- doors -----------------------------------------------------------------------------------


def test_the_server_is_told_to_stay_on_this_computer_and_to_hand_out_no_files():
    told = _app_server.configuration("secret")
    assert told.Voila.ip == "127.0.0.1"
    assert told.Voila.token == "secret"
    assert told.Voila.config_file_paths == []
    assert told.VoilaConfiguration.file_allowlist == []
    assert told.VoilaConfiguration.allow_template_override == "NO"
    assert told.VoilaConfiguration.strip_sources is True
    assert told.MappingKernelManager.cull_idle_timeout > 0


def test_a_taken_port_leads_to_the_next_free_one():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert _app_server.free_port(port) != port


@pytest.mark.parametrize(
    "file", sorted(p for p in TEMPLATES.rglob("*") if p.is_file()), ids=lambda p: p.name
)
def test_no_template_asks_another_computer_for_anything(file):
    text = file.read_text("utf-8")
    # The policy of the page would stop it; it must not even try.
    assert not re.search(r"(?:https?:)?//(?!\s)[\w-]+\.\w", text)
    assert "@import" not in text


def test_the_templates_own_script_stays_small():
    assert len((TEMPLATES / "slides" / "slides.js").read_text("utf-8").splitlines()) < 100


# --- colours ---------------------------------------------------------------------------------


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """The ratio of WCAG 2.2: 21 for black on white, 1 for no difference."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colours(file):
    return dict(re.findall(r"--rw-(\w+): (#[0-9A-F]{6})", file.read_text("utf-8")))


def test_the_ratio_is_that_of_the_guideline():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.478, abs=0.001)


@pytest.mark.parametrize("file", [APP / "app.css", TEMPLATES / "slides" / "slides.css"])
def test_words_can_be_read_and_edges_seen_on_every_ground(file):
    found = colours(file)
    for ground in ("paper", "soft"):
        for words in ("ink", "quiet", "link", "alert"):
            assert contrast(found[words], found[ground]) >= 4.5, (words, ground)
        for edges in ("rule", "focus"):
            assert contrast(found[edges], found[ground]) >= 3, (edges, ground)
    assert found["ink"] == theme.INK and found["paper"] == theme.PAPER
    assert found["quiet"] == theme.QUIET_INK


def test_the_inks_and_lines_of_the_charts_can_be_seen_on_their_paper():
    for ink in (theme.INK, theme.QUIET_INK):
        assert contrast(ink, theme.PAPER) >= 4.5
    for line in (theme.KEPT, theme.GAIN, theme.LOSS, theme.NEUTRAL):
        assert contrast(line, theme.PAPER) >= 3, line


# --- slides ----------------------------------------------------------------------------------


def test_slides_begin_at_headings_and_where_the_metadata_says_so():
    slides = _app_slides.split_slides(
        chapter(
            prose("# One\n\nText.\n\n## Two\n\n### Not a slide"),
            prose("More.", kind="slide"),
            prose("Left out.", kind="skip"),
            prose("Still the same.", kind="fragment"),
        )
    )
    assert [slide.title for slide in slides] == ["One", "Two", ""]
    assert [cell.source for cell in slides[2].cells] == ["More.", "Still the same."]


def test_a_heading_inside_a_code_fence_is_no_slide():
    slides = _app_slides.split_slides(chapter(prose("# One\n\n```\n# a comment\n```")))
    assert len(slides) == 1


def test_presenters_notes_go_with_the_slide_before_them_and_are_not_on_it():
    slides = _app_slides.split_slides(
        chapter(prose("# One"), prose("Ask them.", "presenter"), prose("Wait.", kind="notes"))
    )
    assert slides[0].notes == ("Ask them.", "Wait.")
    page = _app_slides.slides_html(slides, ENGLISH)
    content, notes = page.split('<aside class="notes"')
    assert "Ask them." in notes and "Ask them." not in content


def test_slides_hold_pictures_with_their_words_and_neither_code_nor_warnings():
    outputs = [
        shown("image/png", "AAAA", **{"image/png": {"alt": 'Bars: "5 < 6"'}}),
        nbformat.v4.new_output("stream", name="stderr", text="careful"),
    ]
    slides = _app_slides.split_slides(chapter(prose("# One"), code("secret()", outputs=outputs)))
    page = _app_slides.slides_html(slides, ENGLISH)
    assert 'alt="Bars: &quot;5 &lt; 6&quot;"' in page
    assert "secret()" not in page and "careful" not in page


def test_a_cell_without_anything_to_see_makes_no_slide():
    assert _app_slides.split_slides(chapter(code("import retention_lib"))) == []
    with pytest.raises(InputError, match="nothing to put on a slide"):
        _app_slides.slides_html([], ENGLISH)


def test_titles_are_plain_words_and_names_in_them_are_escaped():
    slides = _app_slides.split_slides(chapter(prose("# The *best* [chapter](01.ipynb) & <b>")))
    assert slides[0].title == "The best chapter & <b>"
    page = _app_slides.slides_html(slides, ENGLISH, said="<script>alert(1)</script>")
    assert "<title>The best chapter &amp; &lt;b&gt;</title>" in page
    assert "<script>alert" not in page
    assert "01.ipynb" not in page
    assert "default-src 'none'; img-src data:" in page


def test_links_to_other_chapters_are_words_and_links_outside_stay():
    made = _app_slides._prose("## Two\n\nSee [one](01.ipynb), [where](https://example.org/).")
    assert made.split() == [
        "<h2>Two</h2>", "<p>See", "one,", "<a", 'href="https://example.org/">where</a>.</p>'
    ]  # fmt: skip


def test_no_two_slides_share_an_address_and_the_page_says_its_language():
    same = prose("## Same\n\nOne."), prose("## Same\n\nTwo.")
    page = _app_slides.slides_html(_app_slides.split_slides(chapter(*same)), Wording("fr"))
    found = re.findall(r' id="([^"]+)"', page)
    assert len(found) == len(set(found))
    assert '<html lang="fr">' in page and "Suivant" in page


def test_no_line_of_a_french_slide_begins_with_a_mark_and_scripts_stay_as_they_are():
    slides = _app_slides.split_slides(chapter(prose("## Combien\n\nDouze : vrai ?")))
    page = _app_slides.slides_html(slides, Wording("fr"))
    assert "Douze\xa0: vrai\xa0?" in page
    script = (_app_slides.TEMPLATES / "slides.js").read_text("utf-8")
    assert script.strip() in page


def test_a_slide_without_a_heading_goes_on_with_the_one_before():
    cells = prose("Hello."), prose("## One"), prose("More.", kind="slide"), prose("## Two")
    page = _app_slides.slides_html(_app_slides.split_slides(chapter(*cells)), ENGLISH)
    titles = re.findall(r'aria-label="Slide \d of 4: ([^"]*)"', page)
    assert titles == ["Slide 1", "One", "One (2)", "Two"]


def test_what_could_not_be_worked_out_is_said_on_the_slide_and_reported():
    failed = nbformat.v4.new_output(
        "error", ename="InputError", evalue="Too few <customers>.", traceback=["File secret.py"]
    )
    slides = _app_slides.split_slides(chapter(code("x", outputs=[failed])))
    page = _app_slides.slides_html(slides, ENGLISH)
    assert "Too few &lt;customers&gt;." in page and "secret.py" not in page
    assert _app_slides.problems(slides) == ["Too few <customers>."]


@pytest.mark.parametrize(("name", "what"), [("slides.pdf", "one HTML file"), (".", "a folder")])
def test_slides_go_into_an_html_file_only(tmp_path, name, what):
    with pytest.raises(InputError, match=what):
        _app_slides.write_slides("x", tmp_path / name)


def test_slides_are_written_whole(tmp_path):
    written = _app_slides.write_slides("<p>é</p>", tmp_path / "new folder" / "é.html")
    assert written.read_text("utf-8") == "<p>é</p>"
    assert [path.name for path in written.parent.iterdir()] == ["é.html"]
