"""The two commands: what they say, what they check, what they leave alone."""

import ast
import importlib.util
import io
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from retention_lib.commands.line import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
SOURCE = (ROOT / "workbook.py").read_text(encoding="utf-8")


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


workbook = load("workbook_under_test", ROOT / "workbook.py")
notebooks = load("notebooks_under_test", ROOT / "tools" / "notebooks.py")


def run_workbook(*arguments, folder=ROOT, version=None, **environ):
    """Run workbook.py as a person would, if need be under another Python version's name."""
    pretend = f"sys.version_info = {version!r}" if version else ""
    code = (
        f"import runpy, sys\n{pretend}\nsys.argv = ['workbook.py', *{list(arguments)!r}]\n"
        "runpy.run_path('workbook.py', run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


# ---------------------------------------------------------------- any Python can read it


def test_workbook_imports_only_the_standard_library():
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(SOURCE))
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        (node.module or "").split(".")[0]
        for node in ast.walk(ast.parse(SOURCE))
        if isinstance(node, ast.ImportFrom)
    }
    assert imported <= set(sys.stdlib_module_names)


def test_workbook_can_be_read_by_an_old_python():
    tree = ast.parse(SOURCE, feature_version=(3, 6))
    # Python 2.7 reads neither of these, and still comes as `python` on old machines.
    too_new = (ast.JoinedStr, ast.AnnAssign, ast.Nonlocal, ast.YieldFrom, ast.AsyncFunctionDef)
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, too_new)] == []
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.arguments) and n.kwonlyargs]
    assert SOURCE.isascii()


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 15), (3, 10, 13)])
def test_a_python_that_is_too_old_is_told_so_in_a_sentence(version):
    done = run_workbook("open", version=(*version, "final", 0))
    assert done.returncode != 0
    assert "This workbook needs Python 3.11 or newer" in done.stderr
    assert f"this is Python {version[0]}.{version[1]}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_python_on_the_path_that_is_new_enough_is_named(monkeypatch, tmp_path):
    newer = tmp_path / "python3.12"
    newer.write_text("")
    newer.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert workbook.newer_python_on_path() == "python3.12"
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert workbook.newer_python_on_path() is None


def test_the_oldest_python_is_that_of_pyproject():
    bound = 'requires-python = ">={}.{}"'.format(*workbook.OLDEST_PYTHON)
    assert bound in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


# ---------------------------------------------------------------- what goes wrong is said


def test_a_missing_network_is_told_in_a_sentence(tmp_path):
    for name in ["workbook.py", "pyproject.toml", "requirements.lock", "requirements-core.lock"]:
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "packaging", tmp_path / "packaging")
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_CACHE_DIR": str(tmp_path / "cache"),
    }
    done = run_workbook("setup", folder=tmp_path, **nowhere)
    assert done.returncode == 1
    assert "The network is missing" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "[2/4]" in done.stdout
    assert not (tmp_path / ".venv" / "workbook-stamp.json").exists()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("  Caused by: dns error: failed to lookup address: Name or service not known", "network"),
        ("error sending request\n  Caused by: tcp connect error: Connection refused", "network"),
        ("operation timed out", "network is missing"),
        ("error sending request\n  Caused by: invalid peer certificate: UnknownIssuer", "trusted"),
        ("because ensurepip is not available.", "module venv is not complete"),
        ("Hash mismatch for `pandas==3.1.1`", "not the one the workbook was tested with"),
        ("PermissionError: [WinError 5] Access is denied", "could not be written"),
    ],
)
def test_what_a_tool_says_becomes_a_sentence(said, sentence):
    assert sentence in workbook.explain(said)


def test_what_nobody_foresaw_is_shown_as_it_was_said():
    with pytest.raises(workbook.Trouble, match="a strange thing happened"):
        workbook.fail("line one\na strange thing happened")


def test_a_taken_port_is_told_with_another_to_try():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(workbook.Trouble, match=f"Port {port} is taken"):
            workbook.check_port(port)
    workbook.check_port(port)


def test_data_that_is_not_there_is_told_before_anything_is_set_up():
    done = run_workbook("open", "--data", "no/such/folder")
    assert done.returncode == 1
    assert "There is nothing at" in done.stderr
    assert "Setting up" not in done.stdout


def test_a_mistyped_command_or_option_is_refused():
    assert run_workbook("opne").returncode == 2
    assert run_workbook("setup", "--fast").returncode == 2


# ---------------------------------------------------------------- your own data, in your language


def test_every_command_of_the_library_can_be_typed_after_workbook():
    assert set(workbook.PASSED_ON) == set(COMMANDS)
    help_page = run_workbook("--help").stdout
    assert all(f"python workbook.py {command} " in help_page for command in COMMANDS)


def passed_on(monkeypatch, *arguments):
    """What is run for a command that is passed on, and where, the set-up being done."""
    ran = []
    monkeypatch.setattr(workbook, "ensure_environment", lambda level: ran.append(level))
    monkeypatch.setattr(
        workbook,
        "run_until_stopped",
        lambda command, env, folder: ran.append((command, env, folder)) or 2,
    )
    monkeypatch.setattr(sys, "argv", ["workbook.py", *arguments])
    assert workbook.main(list(arguments)) == 2
    level, (command, env, folder) = ran
    assert level == "read"
    return command, env, folder


def test_a_command_is_run_where_it_was_typed_once_all_is_set_up(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RETENTION_WORKBOOK", "/my/own")
    typed = ("import", "--help", "l'été.csv", "--match", "customer_id=Code client")
    command, env, folder = passed_on(monkeypatch, *typed)
    assert command == [str(workbook.PYTHON), "-P", "-m", "retention_lib", *typed]
    assert Path(folder) == tmp_path
    assert env["RETENTION_PROG"] == "python workbook.py"
    assert env["RETENTION_WORKBOOK"] == "/my/own"


@pytest.fixture
def french_shop(monkeypatch, tmp_path):
    """A project in which a French workbook is loaded, with a French edition of the chapters."""
    monkeypatch.setattr(workbook, "ROOT", tmp_path)
    shop = tmp_path / "data" / "mine" / "Été"
    for folder in (shop, tmp_path / "notebooks" / "fr"):
        folder.mkdir(parents=True)
    (shop / "workbook.toml").write_text('language = "fr"\n', encoding="utf-8")
    (tmp_path / "data" / "loaded.toml").write_text(
        f'workbook = "{shop.as_posix()}"\n', encoding="utf-8"
    )
    (tmp_path / "notebooks" / "00_start_here.ipynb").write_text("{}", encoding="utf-8")
    (tmp_path / "notebooks" / "fr" / "00_pour_commencer.ipynb").write_text("{}", encoding="utf-8")
    return shop


FRENCH_PAGE = "/lab/tree/notebooks/fr/00_pour_commencer.ipynb"
ENGLISH_PAGE = "/lab/tree/notebooks/00_start_here.ipynb"


def opened(monkeypatch, *arguments, told="RETENTION_LANGUAGE"):
    """The page that is opened, and the language (or else) that the session is told."""
    ran = []
    monkeypatch.setattr(workbook, "ensure_environment", lambda level: None)
    monkeypatch.setattr(
        workbook, "run_until_stopped", lambda command, env: ran.append((command, env)) or 0
    )
    assert workbook.main(["open", *arguments]) == 0
    ((command, env),) = ran
    (page,) = [part for part in command if part.startswith("--LabApp.default_url=")]
    return page.partition("=")[2], env.get(told)


def test_the_workbooks_language_decides_which_edition_opens(french_shop, monkeypatch):
    monkeypatch.delenv("RETENTION_LANGUAGE", raising=False)
    monkeypatch.delenv("RETENTION_WORKBOOK", raising=False)
    assert opened(monkeypatch) == (FRENCH_PAGE, None)
    assert opened(monkeypatch, "--data", str(french_shop)) == (FRENCH_PAGE, None)
    (french_shop.parent / "plain").mkdir()
    assert opened(monkeypatch, "--data", str(french_shop.parent / "plain"))[0] == ENGLISH_PAGE


def test_a_presenter_hides_names_with_one_word(french_shop, monkeypatch):
    monkeypatch.delenv("RETENTION_MASK", raising=False)
    assert opened(monkeypatch, "--mask", told="RETENTION_MASK")[1] == "1"
    assert opened(monkeypatch, told="RETENTION_MASK")[1] is None


def test_the_language_told_goes_before_it(french_shop, monkeypatch):
    monkeypatch.delenv("RETENTION_WORKBOOK", raising=False)
    assert opened(monkeypatch, "--language", "en") == (ENGLISH_PAGE, "en")
    monkeypatch.setenv("RETENTION_LANGUAGE", "en")
    assert opened(monkeypatch) == (ENGLISH_PAGE, "en")
    assert opened(monkeypatch, "--language", "fr") == (FRENCH_PAGE, "fr")


@pytest.mark.parametrize("pointer", ["", "not toml", "other = 1", 'workbook = "gone"'])
def test_a_pointer_that_says_nothing_opens_the_english_edition(pointer, french_shop, monkeypatch):
    monkeypatch.delenv("RETENTION_LANGUAGE", raising=False)
    monkeypatch.delenv("RETENTION_WORKBOOK", raising=False)
    (workbook.ROOT / "data" / "loaded.toml").write_text(pointer, encoding="utf-8")
    assert opened(monkeypatch)[0] == ENGLISH_PAGE


def test_without_a_french_edition_the_english_one_opens(french_shop, monkeypatch):
    shutil.rmtree(workbook.ROOT / "notebooks" / "fr")
    assert opened(monkeypatch, "--language", "fr") == (ENGLISH_PAGE, "fr")


def test_what_a_tool_says_in_letters_that_the_console_lacks_is_said_all_the_same(monkeypatch):
    screen = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stderr", screen)

    def refuse(level):
        raise workbook.Trouble("\u251c\u2500\u25b6 no solution found")

    monkeypatch.setattr(workbook, "ensure_environment", refuse)
    assert workbook.main(["setup"]) == 1
    screen.flush()
    assert screen.buffer.getvalue().decode("cp1252").strip() == "??? no solution found"


# ---------------------------------------------------------------- setting up only what is missing


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Pretend a project folder, and note set-ups instead of doing them."""
    (tmp_path / "packaging" / "jupyterlab").mkdir(parents=True)
    (tmp_path / ".venv").mkdir()
    for name in ["pyproject.toml", "requirements.lock", "requirements-core.lock"]:
        (tmp_path / name).write_text("first\n")
    (tmp_path / "packaging" / "jupyterlab" / "overrides.json").write_text("{}")
    monkeypatch.setattr(workbook, "ROOT", tmp_path)
    monkeypatch.setattr(workbook, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(workbook, "STAMP", tmp_path / ".venv" / "workbook-stamp.json")
    monkeypatch.setattr(workbook, "venv_version", lambda: "3.11")
    monkeypatch.setattr(workbook, "check_machine", lambda level, fresh: None)
    set_ups = []

    def note(level, wanted, fresh):
        set_ups.append((level, "fresh" if fresh else "in place"))
        stamp = {"level": level, "digest": wanted, "python": "3.11"}
        workbook.STAMP.write_text(json.dumps({**stamp, "made_in": str(workbook.VENV)}))

    monkeypatch.setattr(workbook, "set_up", note)
    return tmp_path, set_ups


def test_a_second_set_up_does_nothing(machine):
    _, set_ups = machine
    workbook.ensure_environment("develop")
    workbook.ensure_environment("develop")
    assert set_ups == [("develop", "fresh")]


@pytest.mark.parametrize(
    "name", ["requirements.lock", "pyproject.toml", "packaging/jupyterlab/overrides.json"]
)
def test_a_changed_lock_or_project_sets_up_again_in_place(machine, name):
    folder, set_ups = machine
    workbook.ensure_environment("develop")
    (folder / name).write_text("second\n")
    workbook.ensure_environment("develop")
    assert set_ups == [("develop", "fresh"), ("develop", "in place")]


def test_an_interrupted_set_up_starts_over(machine):
    _, set_ups = machine
    workbook.ensure_environment("develop")
    workbook.STAMP.unlink()
    workbook.ensure_environment("develop")
    assert set_ups == [("develop", "fresh")] * 2


@pytest.mark.parametrize("version", [None, "3.14"])
def test_an_environment_whose_python_is_gone_or_another_is_made_anew(machine, monkeypatch, version):
    _, set_ups = machine
    workbook.ensure_environment("develop")
    monkeypatch.setattr(workbook, "venv_version", lambda: version)
    workbook.ensure_environment("develop")
    assert set_ups[1] == ("develop", "fresh")


def test_an_environment_that_was_copied_with_its_folder_is_made_anew(machine, monkeypatch):
    folder, set_ups = machine
    workbook.ensure_environment("develop")
    monkeypatch.setattr(workbook, "VENV", folder / "elsewhere" / ".venv")
    workbook.ensure_environment("develop")
    assert set_ups[1] == ("develop", "fresh")


def test_opening_takes_nothing_away_from_a_developer(machine):
    _, set_ups = machine
    workbook.ensure_environment("read")
    workbook.ensure_environment("develop")
    workbook.ensure_environment("read")
    assert set_ups == [("read", "fresh"), ("develop", "in place")]


def test_readers_are_spared_the_developers_packages():
    read, develop = (set(workbook.wanted_packages(level)) for level in ("read", "develop"))
    assert {"jupyterlab", "duckdb", "hatchling"} <= read <= develop
    assert {"pytest", "playwright", "ruff"} <= develop - read
    assert set(workbook.wanted_packages("spark")) - develop == {"pyspark", "py4j"}


# ---------------------------------------------------------------- settings of the machine


def test_the_settings_of_pip_reach_uv_as_variables_only(monkeypatch):
    listed = (
        "global.index-url='https://index.example/simple'\n"
        "global.extra-index-url='https://a.example/simple\\nhttps://b.example/simple'\n"
        "global.find-links='/opt/wheels'\n"
        ":env:.find-links='/srv/wheels'\n"
        "global.cert='/etc/company.pem'\n"
    )
    monkeypatch.setattr(workbook, "call", lambda *_, **__: (True, listed))
    handed = workbook.uv_settings({"SSL_CERT_FILE": "/already/set.pem"})
    assert handed["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert handed["UV_INDEX"] == "https://a.example/simple https://b.example/simple"
    assert handed["UV_FIND_LINKS"] == "/srv/wheels"
    assert "SSL_CERT_FILE" not in handed
    assert "UV_INDEX" not in workbook.uv_settings({}, extra_indexes=False)


def test_another_pythons_variables_are_kept_out(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    assert not {"PYTHONPATH", "PYTHONHOME"} & set(workbook.clean_environ())


def test_a_session_uses_its_own_kernel_and_its_own_data(monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_PATH", "/users/own")
    monkeypatch.setenv("RETENTION_WORKBOOK", "/left/over")
    env = workbook.session_environ(tmp_path)
    assert env["JUPYTER_PATH"].startswith(str(workbook.VENV))
    assert env["JUPYTER_PREFER_ENV_PATH"] == "1"
    assert env["RETENTION_WORKBOOK"] == str(tmp_path)
    assert "RETENTION_WORKBOOK" not in workbook.session_environ()


@pytest.mark.parametrize(("forbidden", "kept_in"), [("1", workbook.VENV / "pycache"), ("", None)])
def test_what_the_checks_compile_is_kept_even_where_the_machine_forbids_it(
    monkeypatch, forbidden, kept_in
):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", forbidden)
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    env = workbook.tests_environ()
    assert "PYTHONDONTWRITEBYTECODE" not in env
    assert env.get("PYTHONPYCACHEPREFIX") == (None if kept_in is None else str(kept_in))


def test_checks_that_run_side_by_side_learn_with_one_core_each(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert workbook.tests_environ()["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert workbook.tests_environ()["OMP_NUM_THREADS"] == "4"


# ---------------------------------------------------------------- the summary of the tests


@pytest.mark.parametrize(
    ("last", "counts"),
    [
        ("earlier 9 failed\n===== 3 passed, 1 skipped in 0.12s =====", (3, 0, 1)),
        ("\x1b[31m== \x1b[1m1 failed\x1b[0m, 2 passed, 2 errors in 1s ==\x1b[0m\n", (2, 3, 0)),
        ("no tests ran in 0.01s", (0, 0, 0)),
        ("", (0, 0, 0)),
    ],
)
def test_the_counts_of_pytest_are_read_from_its_last_line(last, counts):
    total = {"passed": 0, "failed": 0, "skipped": 0}
    workbook.add_counts(last, total)
    assert tuple(total.values()) == counts


def test_the_tests_come_last_so_that_their_count_is_what_ci_reads():
    assert workbook.STEPS[-1][0] == "Tests"
    assert {"Style", "Format", "Types", "Notebooks", "Tests"} == {
        name for name, _ in workbook.STEPS
    }


@pytest.mark.parametrize(("ends_with", "verdict"), [(0, "pass"), (3, "FAIL")])
def test_a_step_beside_the_next_one_is_told_after_it_and_counts(
    monkeypatch, tmp_path, capfd, ends_with, verdict
):
    (tmp_path / "long_step.py").write_text(
        f"import sys; print('of the long one'); sys.exit({ends_with})"
    )
    (tmp_path / "next_step.py").write_text("print('of the next one', flush=True)")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    monkeypatch.setattr(workbook, "ensure_environment", lambda level: None)
    monkeypatch.setattr(workbook, "tests_environ", lambda data=None: env)
    monkeypatch.setattr(workbook, "PYTHON", sys.executable)
    monkeypatch.setattr(workbook, "BESIDE", "Long")
    monkeypatch.setattr(workbook, "STEPS", [("Long", ["long_step"]), ("Next", ["next_step"])])
    assert workbook.run_tests([]) == (1 if ends_with else 0)
    said = capfd.readouterr().out
    assert said.index("of the next one") < said.index("== Long") < said.index("of the long one")
    summary = said.split("== Summary")[1].split()
    assert summary[:2] == ["Long", verdict]
    assert summary.index("Long") < summary.index("Next")


def test_the_step_beside_is_one_that_another_follows():
    assert workbook.BESIDE in [title for title, _ in workbook.STEPS[:-1]]


# ---------------------------------------------------------------- notebooks, written steadily


def a_notebook(address, widget):
    """Make a notebook as one run leaves it: what is passed in differs from run to run."""
    code = nbformat.v4.new_code_cell("show()", metadata={"tags": ["kept"], "collapsed": True})
    code.execution_count = 7
    code.outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="12 cust"),
        nbformat.v4.new_output("stream", name="stdout", text="omers\n"),
        nbformat.v4.new_output(
            "execute_result",
            execution_count=7,
            data={
                "text/plain": f"<Styler at {address}>",
                "text/html": f'<table id="T_{widget[:5]}"><td id="T_{widget[:5]}_row0">',
                "application/vnd.jupyter.widget-view+json": {"model_id": widget},
            },
        ),
    ]
    child = widget[::-1]
    state = {widget: {"state": {"children": ["IPY_MODEL_" + child]}}, child: {"state": {}}}
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Café"), code])
    book.metadata["language_info"] = {"name": "python", "version": "3.11.7"}
    book.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": state}}
    return book


@pytest.fixture
def two_runs():
    one = a_notebook("0x7f0011223344", "0123456789abcdef0123456789abcdef")
    other = a_notebook("0x7f9988776655", "f" * 16 + "0" * 16)
    return notebooks.normalise(one, "book"), notebooks.normalise(other, "book")


def test_two_runs_of_a_notebook_are_written_alike(two_runs):
    assert two_runs[0] == two_runs[1]


def test_a_written_notebook_read_again_is_written_alike(two_runs):
    again = nbformat.reads(two_runs[0], as_version=4)
    assert notebooks.normalise(again, "book") == two_runs[0]


def test_what_a_notebook_shows_is_kept(two_runs):
    book = nbformat.reads(two_runs[0], as_version=4)
    code = book.cells[1]
    assert [output.output_type for output in code.outputs] == ["stream", "execute_result"]
    assert code.outputs[0].text == "12 customers\n"
    assert code.execution_count == 1
    assert code.metadata == {"tags": ["kept"]}
    assert book.metadata.language_info == {"name": "python"}
    assert "Café" in two_runs[0]
    assert two_runs[0].endswith("}\n")


def test_of_a_live_widget_the_saved_notebook_keeps_the_still_page(two_runs):
    book = nbformat.reads(two_runs[0], as_version=4)
    assert set(book.cells[1].outputs[1].data) == {"text/plain", "text/html"}
    assert "widgets" not in book.metadata


def test_of_a_progress_bar_the_saved_notebook_keeps_nothing():
    book = a_notebook("0x7f0011223344", "0123456789abcdef0123456789abcdef")
    bar = {"application/vnd.jupyter.widget-view+json": {"model_id": "f" * 32}}
    book.cells[1].outputs.insert(1, nbformat.v4.new_output("display_data", data=bar))
    written = nbformat.reads(notebooks.normalise(book, "book"), as_version=4)
    kinds = [output.output_type for output in written.cells[1].outputs]
    assert kinds == ["stream", "execute_result"]
    assert written.cells[1].outputs[0].text == "12 customers\n"


def test_inserting_a_cell_leaves_the_other_ids_alone():
    book = a_notebook("0x7f0011223344", "0123456789abcdef0123456789abcdef")
    before = nbformat.reads(notebooks.normalise(book, "book"), as_version=4)
    book.cells.insert(1, nbformat.v4.new_markdown_cell("new"))
    after = nbformat.reads(notebooks.normalise(book, "book"), as_version=4)
    assert [before.cells[0].id, before.cells[1].id] == [after.cells[0].id, after.cells[2].id]


def test_a_cell_that_was_never_run_is_not_given_a_number():
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    written = nbformat.reads(notebooks.normalise(book, "book"), as_version=4)
    assert written.cells[0].execution_count is None
