"""The doctor finds what is missing, says what to do, and never falls ill."""

import tempfile
from types import SimpleNamespace

import pytest

from retention_lib.commands import doctor, line
from retention_lib.wording import Wording
from tests.commands.projects import plain, project

__all__ = ["project"]

EN = Wording("en")


def typed(capsys, *arguments):
    code = line.run(["doctor", *arguments])
    return code, plain(capsys.readouterr().out)


def test_a_machine_on_which_all_is_there_is_ready(project, capsys):
    code, out = typed(capsys)
    assert code == 0
    assert "Ready: nothing has to be mended." in out
    assert "Five lines: 3 customers made 5 purchases" in out
    assert "no table people; it would give customers known through a single contact" in out


def test_the_doctor_speaks_french(project, capsys):
    code, out = typed(capsys, "--language", "fr")
    assert code == 0
    assert "Prêt : il n'y a rien à réparer." in out
    assert "optional" not in out and "Ready" not in out


def test_a_package_that_is_missing_is_to_be_mended(project, capsys, monkeypatch):
    real = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "duckdb" else real(name))
    code, out = typed(capsys)
    assert code == 1
    assert "MEND Packages 1 package is missing: duckdb" in out
    assert "python workbook.py setup" in out


def test_every_package_of_the_project_is_looked_for():
    assert {"duckdb", "pandas", "jupyterlab", "xlsxwriter"} <= set(doctor.core_packages())
    assert not {"pyspark", "ibis-framework", "polars"} & set(doctor.core_packages())


@pytest.mark.parametrize(
    "pointer", ['workbook = "data/mine/gone"\n', "not toml at all", 'workbook = ""\n']
)
def test_a_loaded_workbook_that_is_gone_or_damaged_is_said(pointer, project, capsys):
    (project / "data" / "loaded.toml").write_text(pointer, encoding="utf-8")
    code, out = typed(capsys)
    assert code == 1
    assert "MEND Loaded" in out
    assert "retention use sample" in out


def test_what_is_optional_says_what_it_would_give_and_how_to_get_it(project, monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: None)
    monkeypatch.setattr(doctor, "chromium", lambda: None)
    monkeypatch.setattr(doctor.shutil, "which", lambda name, **where: None)
    monkeypatch.setenv("JAVA_HOME", "/taken/away/since")
    found = {finding.what: finding for finding in doctor._optional(EN)}
    assert set(found) == {"Chromium or Chrome", "Polars", "Ibis", "Spark", "Java"}
    assert {finding.verdict for finding in found.values()} == {"optional"}
    assert found["Spark"].said == "not here; it would give bases too large for one machine"
    assert found["Spark"].remedy == "python workbook.py setup --spark"
    assert found["Java"].remedy.startswith("install Java 17 or newer")
    assert found["Polars"].remedy.endswith('-m pip install "retention-workbook[polars]"')


def test_a_folder_that_cannot_be_written_to_is_said(project, capsys, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    code, out = typed(capsys)
    assert code == 1
    assert "cannot be written to (Permission denied)" in out


def test_a_disk_that_is_nearly_full_is_said(project, capsys, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2e8))
    code, out = typed(capsys)
    assert code == 1
    assert "MEND Disk 0.2 GB free" in out


def test_what_cannot_be_looked_at_does_not_stop_the_rest(project, capsys, monkeypatch):
    def fall_ill(folder):
        raise RuntimeError("no such disk")

    monkeypatch.setattr(doctor.shutil, "disk_usage", fall_ill)
    code, out = typed(capsys)
    assert code == 0
    assert "note Doctor RuntimeError: no such disk" in out
    assert "Language English" in out
