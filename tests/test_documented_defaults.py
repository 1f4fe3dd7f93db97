"""Every default of a public call stands in docs/defaults.md, with the value it really has."""

import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import retention_lib as rl

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| `([\w.]+)` \| `(\w+)` \| `([^`]*)` \| (.+) \|$", re.MULTILINE)
IN_DOCSTRING = re.compile(r"``(\w+)``[^`]*?\(default:? ``([^`]+)``\)")

# What people write themselves in a cell; SignalSettings documents its fields one by one.
WRITTEN_BY_HAND = ("ContactRules", "Offer", "Scenario")


def calls() -> Iterator[tuple[str, Any]]:
    """Public functions, and the public methods of the public classes that are not results."""
    for name in rl.__all__:
        thing = getattr(rl, name)
        if inspect.isclass(thing):
            if not issubclass(thing, Exception | Warning):
                if name in WRITTEN_BY_HAND:
                    yield name, thing
                for method, call in inspect.getmembers(thing, callable):
                    if not method.startswith("_"):
                        yield f"{name}.{method}", call
        else:
            yield name, thing


def real_defaults() -> dict[tuple[str, str], object]:
    found = {}
    for name, call in calls():
        for parameter in inspect.signature(call).parameters.values():
            made = repr(parameter.default) == "<factory>"
            if not made and parameter.default not in (inspect.Parameter.empty, None, ""):
                found[name, parameter.name] = parameter.default
    return found


def shown(value: object) -> str:
    return repr(value) if not dataclasses.is_dataclass(value) else type(value).__name__ + "()"


def documented() -> dict[tuple[str, str], str]:
    text = (ROOT / "docs" / "defaults.md").read_text("utf-8")
    return {(call, argument): value for call, argument, value, _ in ROW.findall(text)}


def test_every_default_is_documented_with_its_real_value():
    real = {key: shown(value) for key, value in real_defaults().items()}
    assert documented() == real


def test_docstrings_that_name_a_default_name_the_real_one():
    real, wrong = real_defaults(), []
    for name, call in calls():
        for argument, value in IN_DOCSTRING.findall(inspect.getdoc(call) or ""):
            if shown(real.get((name, argument))) != value:
                wrong.append(f"{name}({argument}): {value}")
    assert not wrong


def test_every_keyword_of_a_public_call_is_explained_in_its_docstring():
    silent = [
        f"{name}({parameter.name})"
        for name, call in calls()
        for parameter in inspect.signature(call).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        and not re.search(rf"\b{parameter.name}\b", inspect.getdoc(call) or "")
    ]
    assert not silent
