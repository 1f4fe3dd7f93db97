"""What is installed is the same whichever way it is installed, and says nothing of where from."""

import ast
import json
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ["requirements.lock", "requirements-core.lock"]
WRITTEN_BY_LOCK = [*LOCKS, "constraints.txt"]

pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def locked(name):
    """Read a lock file as (package, version, marker) lines."""
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; (.*?))?(?: \\)?$", text, re.MULTILINE)
    assert len(lines) > 50
    return set(lines)


def core_requirements():
    return [Requirement(line) for line in pyproject["project"]["dependencies"]]


def extra_requirements():
    extras = pyproject["project"]["optional-dependencies"].values()
    return [Requirement(line) for extra in extras for line in extra]


def group_requirements():
    groups = pyproject["dependency-groups"].values()
    return [Requirement(line) for group in groups for line in group if isinstance(line, str)]


def assert_locked(requirement, name):
    versions = [
        v for package, v, _ in locked(name) if package == canonicalize_name(requirement.name)
    ]
    assert versions, f"{requirement.name} is not in {name}: run python workbook.py lock"
    for version in versions:
        assert requirement.specifier.contains(version), f"{requirement} is locked at {version}"


@pytest.mark.parametrize("requirement", core_requirements(), ids=str)
def test_every_core_dependency_is_locked_within_its_bounds(requirement):
    for name in LOCKS:
        assert_locked(requirement, name)


@pytest.mark.parametrize("requirement", extra_requirements() + group_requirements(), ids=str)
def test_every_optional_dependency_is_locked_within_its_bounds(requirement):
    assert_locked(requirement, "requirements.lock")


def test_every_package_that_the_library_imports_is_a_declared_dependency():
    """What comes along with another package today may not come along tomorrow."""
    imported = set()
    for path in (ROOT / "retention_lib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module.split(".")[0])
    packages = packages_distributions()
    foreign = imported - set(sys.stdlib_module_names) - {"retention_lib"}
    declared = {canonicalize_name(r.name) for r in core_requirements() + extra_requirements()}
    undeclared = {
        module
        for module in foreign
        if not {canonicalize_name(name) for name in packages.get(module, [module])} & declared
    }
    assert undeclared == set()


def test_readers_get_the_versions_that_developers_test():
    def versions(name):
        return {(package, version) for package, version, _ in locked(name)}

    assert versions("requirements-core.lock") <= versions("requirements.lock")


def test_constraints_are_the_versions_of_the_lock():
    assert locked("constraints.txt") == locked("requirements.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_a_hash(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("name", WRITTEN_BY_LOCK)
def test_no_lock_file_names_a_registry_an_address_or_a_path(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    telltale = r"://|pypi|index-url|find-links|\bfile:|(?<!\S)[~/]|(?<!\S)[A-Za-z]:\\|\.\.[/\\]"
    assert re.findall(telltale, text, re.IGNORECASE) == []
    assert not re.search(r"\b[\w-]+\.(com|org|net|io|fr|local|internal)\b", text)


def test_conda_gets_the_same_python():
    python = next(d for d in conda["dependencies"] if isinstance(d, str) and "python" in d)
    assert python == "python" + pyproject["project"]["requires-python"]


def test_conda_installs_this_project_under_the_constraints():
    by_pip = next(d["pip"] for d in conda["dependencies"] if isinstance(d, dict))
    assert conda["name"] == pyproject["project"]["name"]
    assert by_pip[0] == "-c constraints.txt"
    project = re.fullmatch(r"-e \.\[(.*)\]", by_pip[1])
    assert set(project[1].split(",")) <= set(pyproject["project"]["optional-dependencies"])
    assert len(by_pip) == 2, "everything else belongs in pyproject.toml"


def test_conda_gets_no_package_that_pyproject_does_not_name():
    """A version in conda's own list would escape the lock."""
    plain = [d for d in conda["dependencies"] if isinstance(d, str)]
    assert [re.split(r"[<>=]", d)[0] for d in plain] == ["python", "pip"]


def test_jupyterlab_neither_fetches_news_nor_looks_for_updates():
    path = ROOT / "packaging" / "jupyterlab" / "overrides.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    notification = settings["@jupyterlab/apputils-extension:notification"]
    assert notification["fetchNews"] == "false"  # a string: JupyterLab knows a third answer
    assert notification["checkForUpdates"] is False
    shared = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared["packaging/jupyterlab/overrides.json"].startswith("share/jupyter/lab/settings/")
