"""A whole report on a small French export: written, opened from its file with the network off."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

import retention_lib as rl
from retention_lib import progress
from retention_lib.views.report import ReportFiles
from tests.notebooks.browsing import IN_A_BROWSER, take_picture

pytestmark = pytest.mark.slow


def in_a_browser(test: Any) -> Any:
    for mark in IN_A_BROWSER:
        test = mark(test)
    return test


def export() -> str:
    """Twenty customers over a year, some of whom stopped; names that look like markup.

    Too short a history for a forecast, so that nothing is learnt that takes long.
    """
    lines = ["Code client;Nom;Date;Montant HT"]
    for customer in range(1, 21):
        for month in range(0, 14 if customer % 3 else 8, customer % 7 + 1):
            day = f"{(customer * 7 + month) % 28 + 1:02d}/{month % 12 + 1:02d}/{2023 + month // 12}"
            name = f"<img src=x> Dupont & fils n° {customer}"
            lines.append(f"{customer:03d};{name};{day};{customer * 3 + month},{customer % 10}0")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def told() -> list[str]:
    """What the bar of the report said."""
    return []


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, told: list[str]) -> Iterator[ReportFiles]:
    """The report in French, masked, of two chapters."""

    class Bar:
        def __init__(self, said: str) -> None:
            told.append(said)

        def show(self, share: float, said: str) -> None:
            told.append(said)

        def close(self) -> None:
            told.append("")

    folder = tmp_path_factory.mktemp("l'été")
    file = folder / "export caisse.csv"
    file.write_bytes(export().encode("cp1252"))
    before = progress.listen(Bar)
    try:
        yield rl.write_report(
            file, out=folder / "rapport", language="fr", masked=True, chapters=[0, 2]
        )
    finally:
        progress.listen(before)


def test_a_report_is_a_page_and_four_files_and_nothing_besides(
    written: ReportFiles, told: list[str]
) -> None:
    names = ["actions.xlsx", "customers.csv", "customers.xlsx", "metrics.json", "report.html"]
    assert sorted(path.name for path in written.folder.iterdir()) == names
    assert sorted(path.name for path in written.files) == names[:-1]
    assert "export caisse" in written.sentence()
    assert any("Préparation du rapport" in said for said in told)
    # Where a chapter has no French edition yet, that is told, and nothing else went wrong.
    assert all("en anglais" in problem for problem in written.problems), written.problems


def test_the_files_are_those_of_the_base_in_french_and_masked(written: ReportFiles) -> None:
    with (written.folder / "customers.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert len(rows) == 20
    assert len({row["Client"] for row in rows}) == 20
    assert all(row["Client"].startswith("Client ") and row["Parcours"] for row in rows)
    figures = json.loads((written.folder / "metrics.json").read_text("utf-8"))
    assert figures["figures"]["customers"]["value"] == 20
    assert figures["base"]["as_of"] == "2024-02-28"
    for name in ("report.html", "customers.csv", "metrics.json"):
        assert "Dupont" not in (written.folder / name).read_text("utf-8"), name


@in_a_browser
def test_the_report_opens_from_its_file_with_the_network_off(
    written: ReportFiles, page: Any, watched: Any
) -> None:
    page.context.set_offline(True)
    page.route("http*://**", lambda route: route.abort())
    page.goto(written.html.as_uri())
    take_picture(page, "report")
    assert page.locator("html").get_attribute("lang") == "fr"
    images = page.locator("img")
    assert images.count() >= 5
    assert images.evaluate_all("all => all.every(i => i.complete && i.naturalWidth > 100)")
    assert images.evaluate_all("all => all.every(i => i.alt.length > 20)")
    # Every link of the contents leads to a heading that comes into view.
    for link in page.locator("nav a").all():
        link.click()
        place = link.get_attribute("href").lstrip("#")
        assert page.evaluate(
            "id => { const top = document.getElementById(id).getBoundingClientRect().top;"
            " return top > -5 && top < innerHeight; }",
            place,
        ), place
    assert page.url.endswith("#chapter-02")
    assert watched.errors == []
    assert watched.outside == []


@in_a_browser
def test_the_report_can_be_read_on_a_telephone_and_by_keyboard(
    written: ReportFiles, page: Any
) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(written.html.as_uri())
    take_picture(page, "report_360")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.keyboard.press("Tab")
    first = page.locator(":focus")
    assert first.get_attribute("href") == "#content"
    assert first.evaluate("link => link.getBoundingClientRect().left >= 0")
    # What is wider than the screen scrolls in a frame that a keyboard reaches.
    assert page.locator(".scroll:not([tabindex='0'])").count() == 0
    assert page.locator(".scroll").count() > 0
    wide = "all => all.every(t => t.closest('.scroll'))"
    assert page.locator("table").evaluate_all(wide)
    levels = page.locator("h1,h2,h3,h4").evaluate_all("all => all.map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
