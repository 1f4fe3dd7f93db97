"""What the library never does: run what it reads, or start other programs."""

from __future__ import annotations

import ast
import io
import json
import pickle
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

import retention_lib as rl
from retention_lib.scoring import churn_files

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "retention_lib").rglob("*.py"))
CALLS = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}
MODULES = {
    "pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "subprocess",
    "pty", "socketserver", "ftplib", "smtplib", "telnetlib", "xmlrpc", "urllib.request", "requests",
    "http.client", "http.server", "httpx", "aiohttp", "xml", "lxml", "ctypes", "code", "runpy",
}  # fmt: skip
METHODS = {("os", "system"), ("os", "popen"), ("pd", "read_pickle"), ("np", "load")}
# The one place that listens: the app's server, on this computer only.
ALLOWED = {
    ("retention_lib/views/_app_server.py", "socket"),
    # Empties the buffer into which the optimiser's C code prints; nothing of a file goes there.
    ("retention_lib/decisions/_plan_core.py", "ctypes"),
}


def odd_in(tree: ast.AST) -> list[str]:
    """Calls and imports that could run what was read, start a program or ask the network."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in CALLS:
                found.append(f"{called.id}()")
            where = getattr(getattr(called, "value", None), "id", ""), getattr(called, "attr", "")
            if where in METHODS:
                found.append(f"{'.'.join(where)}()")
            found += ["shell="] * any(word.arg == "shell" for word in node.keywords)
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parents = {name.rsplit(".", n)[0] for n in range(name.count(".") + 1)}
            if parents & (MODULES | {"socket"}):
                found.append(name)
    return found


def test_the_search_finds_what_it_looks_for():
    code = "import pickle, os\nfrom urllib import request\neval('1')\nos.system('x')\nf(shell=True)"
    assert len(odd_in(ast.parse(code))) == 5


def test_nothing_in_the_library_runs_what_it_reads_or_asks_the_network():
    found = {
        (file.relative_to(ROOT).as_posix(), odd)
        for file in FILES
        for odd in odd_in(ast.parse(file.read_text("utf-8")))
    }
    assert len(FILES) > 200
    assert found == ALLOWED


def test_no_command_of_workbook_py_goes_through_a_shell():
    tree = ast.parse((ROOT / "workbook.py").read_text("utf-8"))
    started = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "subprocess"
    ]
    assert started
    for call in started:
        assert not isinstance(call.args[0], ast.Constant | ast.JoinedStr)
        assert not any(word.arg == "shell" for word in call.keywords)


class Bomb:
    """Unpickled it would write a file."""

    def __init__(self, sign: Path) -> None:
        self.sign = sign

    def __reduce__(self):
        return (open, (str(self.sign), "w"))


def hostile_models(sign: Path) -> dict[str, bytes]:
    """Files that say they are a churn model of the workbook."""
    told = json.dumps({"format": "retention-workbook churn model", "format_version": 1})
    function = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}
    made = {"pickle": pickle.dumps(Bomb(sign)), "nothing": b"", "cut": b"PK\x03\x04" + b"\0" * 40}
    members = {
        "foreign": {"schema.json": json.dumps({**function, "content": "touch x"})},
        "path": {"../../evil.txt": "x", "/etc/evil": "x", "schema.json": "{}"},
        "deep": {"schema.json": "[" * 100_000},
        "big": {"schema.json": "0" * 2_000_000},
    }
    for name, parts in members.items():
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            file.writestr("workbook.json", told)
            file.writestr("about.json", told)
            for member, text in parts.items():
                file.writestr(member, text)
        made[name] = packed.getvalue()
    return made


def test_a_model_from_a_stranger_is_refused_and_never_run(tmp_path, monkeypatch):
    monkeypatch.setattr(churn_files, "_LARGEST", 1_000_000)
    sign = tmp_path / "ran"
    before = set(tmp_path.parent.iterdir())
    for name, data in hostile_models(sign).items():
        file = tmp_path / f"{name}.skops"
        file.write_bytes(data)
        with pytest.raises(rl.InputError) as refused:
            rl.load_churn(file)
        assert len(str(refused.value)) < 500, name
        file.unlink()
    assert not sign.exists()
    assert not list(tmp_path.iterdir())
    assert set(tmp_path.parent.iterdir()) == before


@pytest.mark.parametrize(
    "file", ["../../../etc/passwd", "/etc/passwd", "https://evil.example/x.parquet", "s3://x/y"]
)
def test_a_workbook_that_points_at_something_else_is_refused_and_shows_none_of_it(tmp_path, file):
    (tmp_path / "workbook.toml").write_text(f'[tables.transactions]\nfile = "{file}"\n', "utf-8")
    with pytest.raises(rl.RetentionError) as refused:
        rl.open_base(tmp_path)
    assert "root:" not in str(refused.value)


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False
    ).stdout.decode("utf-8")
    files = [ROOT / name for name in listed.split("\0") if name]
    if not files:
        pytest.skip("this copy of the workbook is no git clone: nothing says what is committed")
    return [file for file in files if file.is_file()]


SECRET = re.compile(
    r"(?<![\w/.])/(?:home|root|Users|work)/\w|[A-Z]:\\\\?Users\\|[?&]token=[0-9a-zA-Z_-]{16,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{30,}|\bpypi-\w{30,}"
    r"|://[^\s:/@\"'{}<>]+:(?!pass|secret|…|\*)[^\s@\"'{}<>]{3,}@(?!localhost|127|example|host)"
)
EMAIL = re.compile(r"(?<=[\w+-])@(?:[\w-]+\.)+[a-z]{2,}")
EXAMPLES = re.compile(r"\.(?:example|invalid|test)$|@example\.(?:com|org|net|fr)$", re.IGNORECASE)


def test_no_committed_notebook_or_text_holds_a_secret_or_a_path_of_somebodys_computer():
    told = []
    for file in tracked():
        if file.suffix in (".ipynb", ".md", ".toml", ".yml", ".txt") and "tests" not in file.parts:
            text = file.read_text("utf-8", "replace")
            told += [f"{file.relative_to(ROOT)}: {one[0][:60]}" for one in SECRET.finditer(text)]
            if file.suffix == ".ipynb":
                mails = {one[0] for one in EMAIL.finditer(text)}
                told += [f"{file.name}: {one}" for one in mails if not EXAMPLES.search(one)]
    assert SECRET.search('"/home/ann/data"') and SECRET.search("postgresql://ann:geheim@db.shop/x")
    assert not told
