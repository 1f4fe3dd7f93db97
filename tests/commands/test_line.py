"""The command line: what it answers, in which language, and how it ends."""

import re
import subprocess
import sys
import warnings

import pytest

from retention_lib import wording
from retention_lib.base import workbooks
from retention_lib.commands import line, using
from retention_lib.errors import DataWarning
from tests.commands.projects import plain, project

__all__ = ["project"]

ENGLISH = re.compile(r"\b(usage|show|options:|arguments|the|with|file to|folder)\b")


def typed(capsys, *arguments):
    code = line.run(arguments)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_without_a_command_all_of_them_are_listed(project, capsys):
    code, out, err = typed(capsys)
    assert (code, err) == (2, "")
    for command in line.COMMANDS:
        assert re.search(rf"^  {command}  +\S", out, re.MULTILINE), command
    assert typed(capsys, "--help")[:2] == (0, out)


@pytest.mark.parametrize("command", line.COMMANDS)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_command_explains_itself_in_both_languages(command, language, project, capsys):
    code, out, err = typed(capsys, command, "--help", "--language", language)
    assert (code, err) == (0, "")
    assert f"retention {command} " in out
    examples = out.split({"en": "Examples:", "fr": "Exemples :"}[language])[1]
    assert f"    retention {command}" in examples
    explained = re.sub(r"\{[^}]*\}|--\S+|retention \S.*|/?\w+/\w+", "", out)
    if language == "fr":
        assert not ENGLISH.search(explained)
    assert max(len(text) for text in out.splitlines()) <= 80


def test_help_may_also_be_asked_for_before_the_command(project, capsys):
    code, out, _ = typed(capsys, "help", "plan")
    assert code == 0
    assert "--budget AMOUNT" in out


def test_the_version_is_told(project, capsys):
    assert typed(capsys, "--version")[:2] == (0, "Retention Workbook 0.1.0\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chek"], "There is no command chek. Did you mean: retention check"),
        (["zzz"], "There are: import, check,"),
        (["plan"], "Still missing: --budget."),
        (["plan", "--budget"], "--budget needs a value after it."),
        (["plan", "--budget", "much"], "--budget takes a number such as 1500 or 0.3"),
        (["plan", "--budget", "1,500"], "without a mark between thousands"),
        (["plan", "--budget", "9", "--weeks", "2.5"], "--weeks takes a whole number"),
        (["check", "--dta", "x"], "Not understood: --dta x."),
        (["check", "--db", "postgresql://a:p@ss@db/x"], "Not understood: --db postgresql://..."),
        (["import", "a.csv", "--add", "--replace"], "not both."),
        (["import", "a.csv", "--table", "clients"], "--table takes one of"),
        (["check", "--language", "de"], "--language must be one of 'en', 'fr'; got 'de'."),
        (["import"], "Still missing: FILE."),
        (["plan", "--budget", "9", "--out", "plan.pdf"], "--out must be one of"),
    ],
)
def test_a_wrong_command_line_is_told_in_a_sentence(arguments, said, project, capsys):
    code, _, err = typed(capsys, *arguments)
    assert code == 2
    assert said in plain(err)
    assert "Traceback" not in err


def test_it_is_told_in_french_where_french_is_spoken(project, capsys):
    code, _, err = typed(capsys, "--language", "fr", "plan")
    assert code == 2
    assert plain(err) == "Il manque : --budget. Toutes les options : retention plan --help"


def test_help_names_the_command_as_it_was_typed(project, capsys, monkeypatch):
    monkeypatch.setenv(line.NAME, "python workbook.py")
    assert "python workbook.py check " in typed(capsys, "check", "--help")[1]


# ---------------------------------------------------------------- the language


def test_the_workbooks_language_is_spoken_unless_told_otherwise(project, capsys, monkeypatch):
    file = project / "data" / "sample" / "b2b" / "workbook.toml"
    workbooks.write_text(file, 'language = "fr"\n' + file.read_text("utf-8"))
    assert "Commandes :" in plain(typed(capsys, "--help")[1])
    assert "Commands:" in typed(capsys, "--help", "--language=en")[1]
    monkeypatch.setenv("RETENTION_LANGUAGE", "en")
    assert "Commands:" in typed(capsys, "--help")[1]


def test_what_a_command_spoke_is_not_spoken_afterwards(project, capsys):
    typed(capsys, "--language", "fr", "--help")
    assert wording.told_to_speak() is None


def test_a_base_named_for_once_is_spoken_of_in_its_own_language(project, capsys):
    other = project / "data" / "mine" / "Boutique"
    other.mkdir(parents=True)
    sample = project / "data" / "sample" / "b2b"
    for name in ("transactions.parquet", "workbook.toml"):
        (other / name).write_bytes((sample / name).read_bytes())
    text = (other / "workbook.toml").read_text("utf-8")
    workbooks.write_text(other / "workbook.toml", 'language = "fr"\n' + text)
    _, out, _ = typed(capsys, "check", "--data", "data/mine/Boutique")
    assert "Five lines : 3 clients ont fait 5 achats" in plain(out)
    assert "à signaler" in out


# ---------------------------------------------------------------- how it ends


def ends(monkeypatch, problem):
    def fail(options):
        raise problem

    monkeypatch.setattr(using, "run", fail)


def test_a_fault_of_ours_is_one_sentence_with_the_details_in_a_file(
    project, capsys, monkeypatch, tmp_path
):
    monkeypatch.setattr(line.tempfile, "gettempdir", lambda: str(tmp_path))
    ends(monkeypatch, ZeroDivisionError("division by zero"))
    code, out, err = typed(capsys, "use")
    assert (code, out) == (1, "")
    assert "This is a fault of the workbook, not yours" in plain(err)
    assert "Traceback" not in err
    (details,) = tmp_path.glob("retention-*.txt")
    assert details.name in err
    assert "Traceback" in details.read_text("utf-8")
    monkeypatch.setenv(line.DEBUG, "1")
    assert "Traceback" in typed(capsys, "use")[2]


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "Stopped."),
        (MemoryError(), 1, "There is not enough memory"),
        (PermissionError(13, "Permission denied", "x.csv"), 1, "refused: x.csv: Permission denied"),
        (SystemExit(3), 3, ""),
    ],
)
def test_what_the_machine_refuses_is_said(problem, code, said, project, capsys, monkeypatch):
    ends(monkeypatch, problem)
    got, out, err = typed(capsys, "use")
    assert (got, out) == (code, "")
    assert said in plain(err)
    assert "Traceback" not in err


def test_warnings_for_programmers_are_not_for_users(project, capsys, monkeypatch):
    def warn(options):
        warnings.warn("pandas will change", DeprecationWarning, stacklevel=1)
        warnings.warn('3 dates were odd; pass decimal=","', DataWarning, stacklevel=1)
        return 0

    monkeypatch.setattr(using, "run", warn)
    code, _, err = typed(capsys, "use")
    assert code == 0
    assert plain(err) == 'Please note: 3 dates were odd; pass --decimal ","'


def python(code, **environ):
    import os

    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**os.environ, **environ},
        timeout=60,
    )


def test_help_comes_at_once_for_it_loads_nothing_heavy():
    done = python(
        "import sys; from retention_lib.commands import main; main(['--help']); "
        "heavy = {'pandas', 'duckdb', 'narwhals', 'matplotlib', 'IPython'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert done.returncode == 0, done.stderr


def test_a_listener_that_has_gone_is_no_error():
    done = python(
        "import os, sys\n"
        "from retention_lib.commands import line, using\n"
        "read, write = os.pipe(); os.close(read); os.dup2(write, 1)\n"
        "sys.exit(line.leave(line.run(['--help'])))"
    )
    assert done.stderr == b""


def test_being_told_to_stop_ends_like_ctrl_c():
    done = python(
        "import os, signal, sys\n"
        "from retention_lib.commands import line, main, using\n"
        "using.run = lambda options: signal.raise_signal(signal.SIGTERM)\n"
        "sys.argv = ['retention', 'use', '--language', 'en']\n"
        "sys.exit(main())"
    )
    assert (done.returncode, done.stdout) == (130, b"")
    assert done.stderr.startswith(b"Stopped.")


def test_a_console_without_accents_gets_the_same_words_without_them():
    done = python(
        "import sys; from retention_lib.commands import main; main(['--help'])",
        PYTHONIOENCODING="ascii",
        RETENTION_LANGUAGE="fr",
    )
    assert done.returncode == 0, done.stderr
    assert b"revenir a l'exemple" in done.stdout
