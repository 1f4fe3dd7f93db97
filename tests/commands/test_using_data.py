"""``import``, ``use``, ``check``, ``plan`` and ``report``, typed as a person types them."""

import re
import shutil
import unicodedata
from datetime import date
from types import SimpleNamespace

import pytest

from retention_lib.base import workbooks
from retention_lib.commands import line, planning, reporting
from tests.commands.projects import FRENCH_EXPORT, plain, project, write_export

__all__ = ["project"]


def typed(capsys, *arguments):
    code = line.run([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# ---------------------------------------------------------------- import


def test_a_foreign_export_is_taken_in_and_every_row_is_accounted_for(project, capsys):
    sample = contents(project / "data" / "sample")
    code, out, err = typed(
        capsys, "import", write_export(project), "--name", "Ma boutique", "--language", "fr"
    )
    assert (code, err) == (0, "")
    said = plain(out)
    assert "Export ventes.csv : 61 lignes lues, 60 gardées, 1 mise de côté" in said
    assert "60 gardées 1 pas de client" in said
    folder = project / "data" / "mine" / "Ma boutique"
    assert (folder / "set_aside_transactions.xlsx").is_file()
    assert str(folder / "set_aside_transactions.xlsx") in out
    assert workbooks.loaded_path() == folder
    assert contents(project / "data" / "sample") == sample


def test_what_a_file_leaves_open_is_asked_and_the_option_named_answers_it(project, capsys):
    doubtful = "Code client;Date facture;Montant HT\n" + "".join(
        f"{n % 9:03d};{13 + n % 15:02d}/05/2025;1.{n + 100}\n" for n in range(40)
    )
    file = write_export(project, "louche.csv", doubtful)
    code, out, err = typed(capsys, "import", file)
    assert (code, out) == (2, "")
    assert "A question before going on" in err
    answers = re.findall(r'--decimal "([.,])"', err)
    assert sorted(answers) == [",", "."]
    assert not (project / "data" / "loaded.toml").exists()
    assert typed(capsys, "import", file, "--decimal", answers[0])[0] == 0


def test_next_month_is_added_to_what_is_there(project, capsys):
    typed(capsys, "import", write_export(project), "--name", "Shop")
    june = "Code client;Date facture;Montant HT;Libellé produit\n001;15/06/2026;10,00;Thé\n"
    code, out, _ = typed(capsys, "import", write_export(project, "juin.csv", june), "--add")
    assert code == 0
    assert workbooks.loaded_path().name == "Shop"
    code, out, _ = typed(capsys, "use", "shop")
    assert "to 15 June 2026" in plain(out)
    assert "from 13 January 2025" in plain(out)


def test_a_file_can_be_taken_in_without_loading_it(project, capsys):
    code, out, _ = typed(capsys, "import", write_export(project), "--name", "Shop", "--no-load")
    assert code == 0
    assert workbooks.loaded_path().name == "b2b"
    assert 'use "' in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.csv"], "no file nowhere.csv"),
        (["ventes.csv", "--match", "Code client"], "--match takes a column, an equals sign"),
        (["ventes.csv", "--margin-rate", "35"], "from 0 to 1"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(arguments, said, project, capsys):
    write_export(project, "ventes.csv")
    code, out, err = typed(capsys, "import", *arguments)
    assert (code, out) == (1, "")
    assert said in plain(err)
    assert "Traceback" not in err
    assert not (project / "data" / "loaded.toml").exists()


# ---------------------------------------------------------------- use


def test_the_sample_is_one_word_away(project, capsys):
    typed(capsys, "import", write_export(project), "--name", "Shop")
    code, out, _ = typed(capsys, "use", "sample")
    assert code == 0
    assert "Five lines: 3 customers" in plain(out)
    assert workbooks.loaded_path().name == "b2b"


@pytest.mark.parametrize(
    "name", ["Été", "été", unicodedata.normalize("NFD", "Été"), "data/mine/Été"]
)
def test_a_workbook_is_found_by_its_name_however_it_is_spelt(name, project, capsys):
    shutil.copytree(project / "data" / "sample" / "b2b", project / "data" / "mine" / "Été")
    assert typed(capsys, "use", name)[0] == 0
    assert workbooks.loaded_path().name == "Été"


def test_what_there_is_to_load_is_listed(project, capsys):
    shutil.copytree(project / "data" / "sample" / "b2b", project / "data" / "mine" / "Mine")
    code, out, _ = typed(capsys, "use")
    assert code == 0
    assert '  * retention use "sample"' in out
    assert '    retention use "Mine"' in out


def test_what_cannot_be_opened_does_not_become_what_is_loaded(project, capsys):
    broken = project / "data" / "mine" / "Broken"
    broken.mkdir(parents=True)
    (broken / "workbook.toml").write_text("[tables", encoding="utf-8")
    code, _, err = typed(capsys, "use", "Broken")
    assert code == 1
    assert "not readable as TOML" in plain(err)
    assert not (project / "data" / "loaded.toml").exists()


# ---------------------------------------------------------------- check, plan, report


def test_the_check_says_what_to_do_first_and_what_is_fine(project, capsys):
    file = write_export(project, text=FRENCH_EXPORT + FRENCH_EXPORT.splitlines()[1] + "\n")
    typed(capsys, "import", file)
    code, out, _ = typed(capsys, "check")
    assert code == 0
    said = plain(out)
    assert "Lines entered twice" in said or "twice" in said
    assert "for example" in said
    assert "→ " in said
    assert "rl.import_export" not in out
    assert "found nothing to say:" in said
    assert said.index("→ ") < said.index("found nothing to say:")
    # Shown to others, there are no examples in it: names may stand in them.
    masked = typed(capsys, "check", "--mask")[1]
    assert "for example" not in masked
    assert "found nothing to say:" in masked


def test_a_plan_is_written_where_asked_and_the_sample_stays_as_it_is(project, capsys):
    sample = contents(project / "data" / "sample")
    code, out, err = typed(capsys, "plan", "--budget", "200", "--out", "le plan.csv")
    assert (code, err) == (0, "")
    assert (project / "le plan.csv").is_file()
    assert "Written to le plan.csv" in out
    assert contents(project / "data" / "sample") == sample


def test_a_plan_without_a_place_lies_beside_ones_own_data_or_else_right_here(project):
    base = SimpleNamespace(as_of=date(2025, 3, 20))
    own = project / "data" / "mine" / "Mine"
    shutil.copytree(project / "data" / "sample" / "b2b", own)
    assert planning._place(str(own), base) == own / "plan-2025-03-20.xlsx"
    assert planning._place(str(own / "workbook.toml"), base) == own / "plan-2025-03-20.xlsx"
    assert planning._place(None, base) == project / "plan-2025-03-20.xlsx"


def test_a_budget_that_cannot_be_is_a_sentence(project, capsys):
    code, _, err = typed(capsys, "plan", "--budget", "-5")
    assert code == 1
    assert "budget" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("problems", [(), ("Chapter 5 could not be run: too few customers.",)])
def test_a_report_names_its_files_and_what_it_lacks(
    problems, project, capsys, monkeypatch, tmp_path
):
    page, asked, opened = tmp_path / "report.html", [], []
    page.write_text("<html>", encoding="utf-8")

    def write_report(path, **options):
        asked.append((path, options))
        return SimpleNamespace(
            html=page, files=[page, tmp_path / "actions.xlsx"], problems=problems,
            sentence=lambda: "The report is written.",
        )  # fmt: skip

    module = SimpleNamespace(write_report=write_report)
    monkeypatch.setitem(__import__("sys").modules, "retention_lib.views.report", module)
    monkeypatch.setattr(reporting.webbrowser, "open", lambda url: not opened.append(url))
    code, out, err = typed(
        capsys, "report", "--open", "--mask", "--language", "fr", "--out", "rapport"
    )
    assert code == (1 if problems else 0)
    assert asked == [(None, {"out": "rapport", "language": "fr", "masked": True})]
    assert out.count("report.html") == 1
    assert "actions.xlsx" in out
    assert plain(err) == "".join(f"- {problem}" for problem in problems)
    assert opened == [page.as_uri()]
