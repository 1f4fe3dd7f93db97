"""``retention present``: what is served, what is said, and what is left behind."""

import os

import nbformat
import pytest

from retention_lib import commands
from retention_lib.views import _app_slides

ADDRESS = "http://127.0.0.1:8866/?token=secret"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A small base; nothing that the command tells its kernels stays behind."""
    file = tmp_path / "shop.csv"
    days = [f"C{n % 9},2025-{n % 12 + 1:02}-{n % 28 + 1:02},{n}" for n in range(1, 90)]
    file.write_text("\n".join(["customer_id,date,amount", *days]), encoding="utf-8")
    for name in ("RETENTION_LANGUAGE", "RETENTION_MASK"):
        monkeypatch.delenv(name, raising=False)
    yield file
    from retention_lib.wording import speak

    speak(None)


@pytest.fixture
def served(monkeypatch):
    """What would have been served: the server is another test's business."""
    seen = {}

    def serve(notebook, *, port, on_ready, on_move):
        seen.update(
            notebook=nbformat.read(notebook, as_version=4),
            folder=notebook.parent,
            port=port,
            told={k: v for k, v in os.environ.items() if k.startswith("RETENTION_")},
        )
        on_move(0, len(seen["notebook"].cells))
        on_ready(ADDRESS)
        raise KeyboardInterrupt

    monkeypatch.setattr("retention_lib.views._app_server.serve", serve)
    monkeypatch.setattr("webbrowser.open", lambda address: seen.update(opened=address))
    return seen


def test_it_serves_the_loaded_base_says_where_and_cleans_up(shop, served, capsys):
    assert commands.main(["present", "--data", str(shop), "--no-browser"]) == 0
    said = capsys.readouterr().out
    assert ADDRESS in said and "stopped" in said
    assert "opened" not in served
    assert served["told"]["RETENTION_WORKBOOK"] == str(shop.resolve())
    assert served["notebook"].metadata.retention["pages"][0]["slug"] == "scenario"
    assert not served["folder"].exists()
    assert os.environ.get("RETENTION_WORKBOOK") != str(shop.resolve())
    assert "RETENTION_MASK" not in os.environ


def test_masked_and_in_french_both_the_frame_and_the_kernels_are(shop, served, capsys):
    given = ["present", "--data", str(shop), "--mask", "--language", "fr", "--port", "9000"]
    assert commands.main(given) == 0
    assert served["told"]["RETENTION_MASK"] == "1"
    assert served["told"]["RETENTION_LANGUAGE"] == "fr"
    assert served["notebook"].metadata.retention["masked"] is True
    assert served["notebook"].metadata.retention["language"] == "fr"
    assert served["opened"] == ADDRESS
    assert served["port"] == 9000
    heard = capsys.readouterr()
    assert "L'application est prête" in heard.out
    assert "9000" in heard.err and "8866" in heard.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--port", "99999"], "65535"),
        (["--notes"], "--slides"),
        (["--slides", "slides.pdf"], ".html"),
        (["--slides", "slides.html", "--chapter", "77"], "77"),
    ],
)
def test_a_wrong_wish_is_a_sentence(shop, served, capsys, given, said):
    assert commands.main(["present", "--data", str(shop), *given]) in (1, 2)
    heard = capsys.readouterr().err
    assert said in heard and "Traceback" not in heard
    assert served == {}


def test_slides_are_written_from_the_chapter_asked_for(shop, tmp_path, monkeypatch, capsys):
    ran = []

    def run(notebook, folder, *, language, on_move):
        ran.append((notebook.cells[0].source.splitlines()[0], language))
        on_move(1, 1)
        return notebook

    monkeypatch.setattr(_app_slides, "run_chapter", run)
    out = tmp_path / "deck.html"
    given = ["present", "--data", str(shop), "--slides", str(out), "--chapter", "4", "--notes"]
    assert commands.main(given) == 0
    assert ran == [("# Warning signs", "en")]
    text = out.read_text("utf-8")
    assert 'class="with-notes"' in text and "Say this in the meeting" in text
    assert "deck.html" in capsys.readouterr().out
