"""A churn model in one file, and back: without pickle, and never run, only read.

The file is a zip: ``about.json`` says what the model is, what it needs and how good it was;
beside it lie the classifier's numbers as skops stores them. A churn model consists of texts,
numbers and arrays alone, so that anything else in a file is refused before it is built.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import math
import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_lib import filing
from retention_lib.errors import DataWarning, InputError
from retention_lib.scoring.features import BY_NAME
from retention_lib.wording import Wording

if TYPE_CHECKING:
    from retention_lib.scoring._churn_combined import CombinedClassifier
    from retention_lib.scoring.churn import ChurnModel

SUFFIX = ".skops"
FORMAT, VERSION = "retention-workbook churn model", 1
_ABOUT = "about.json"
_PACKAGES = ("retention-workbook", "scikit-learn", "numpy", "skops")
_CHECKED = ("retention-workbook", "scikit-learn")
_LARGEST = 2**30
"""More than this, unpacked, is no model of the workbook."""

# A classifier's parts are these and nothing else; see CombinedClassifier.to_parts.
_TYPES = frozenset(
    {
        *(f"builtins.{name}" for name in ("dict", "list", "tuple", "str", "int", "float", "bool")),
        *(f"numpy.{name}" for name in ("ndarray", "float64", "int64", "bool")),
    }
)
_LOADERS = frozenset(
    {"DictNode", "ListNode", "TupleNode", "JsonNode", "NdArrayNode", "TypeNode", "CachedNode"}
)
_RETRAIN = "train the model anew with rl.fit_churn(base) and save it again"


def save_churn(model: ChurnModel, path: str | Path) -> Path:
    """Write a churn model into one file, whole or not at all, and give its path.

    Without a suffix the file gets ``.skops``; a file of that name is replaced. It holds the
    classifier, the features it needs, the scorecard, what the training looked like, and the
    versions it was made with; no row of any customer.

    Raises
    ------
    InputError
        Where ``path`` is a folder or cannot be written.
    """
    import skops.io

    target = _target(path)
    about = {
        "format": FORMAT,
        "format_version": VERSION,
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        **_told(model),
    }
    packed = io.BytesIO(
        skops.io.dumps(model.classifier.to_parts(), compression=zipfile.ZIP_DEFLATED)
    )
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr(_ABOUT, json.dumps(about, ensure_ascii=False, indent=1, default=_plain))
        _refuse_odd(file, target)
    with filing.written(target) as beside:
        beside.write_bytes(packed.getbuffer())
    return target


def load_churn(path: str | Path) -> ChurnModel:
    """Read a churn model that was saved with ``model.save(path)``.

    Scores are the same to the last bit. Where the file was saved with another version of the
    workbook or of scikit-learn, a ``DataWarning`` says so: a feature may have been worked out
    differently then.

    Raises
    ------
    InputError
        Where there is no such file, it was cut short, it is something else than a model of the
        workbook or of a newer one, it needs features that this version does not know, or it
        holds anything that a model does not consist of. Nothing in the file is ever run.
    """
    source = _source(path)
    try:
        with zipfile.ZipFile(source) as file:
            about = _read_about(file, source)
            _refuse_odd(file, source)
    except InputError:
        raise
    except Exception as error:  # a zip can be broken in more ways than zipfile has errors for
        raise InputError(
            f"{source} is no saved model, or was cut short or damaged on its way. Copy it again, "
            f"or {_RETRAIN}."
        ) from error
    other = _other_versions(about)
    try:
        model = _built(about, source)
    except Exception as error:
        made_with = f" It was saved with {other}." if other else ""
        # NumPy goes on to say how to load it unsafely.
        why = str(error).partition(". ")[0]
        raise InputError(
            f"The model in {source} cannot be built ({type(error).__name__}: {why}).{made_with} "
            f"Please {_RETRAIN}."
        ) from error
    if other:
        warnings.warn(
            f"{source.name} was saved with {other}; its scores may differ from those it gave "
            f"then. To be sure, {_RETRAIN}.",
            DataWarning,
            stacklevel=2,
        )
    return model


def _told(model: ChurnModel) -> dict[str, Any]:
    """All of a model but its classifier, in texts and numbers."""
    return {
        "features": list(model.features),
        "horizon_days": model.horizon_days,
        "language": model.wording.language,
        "currency": model.wording.currency,
        "assumptions": dict(model.assumptions),
        "trained_on": dict(model.trained_on),
        "profile": model.profile.to_dict(),
        "scorecard": model.scorecard.to_parts(),
    }


def _built(about: Mapping[str, Any], source: Path) -> ChurnModel:
    import skops.io

    from retention_lib.scoring._churn_combined import CombinedClassifier
    from retention_lib.scoring._churn_dates import check_horizon
    from retention_lib.scoring.churn import TRAINED_ON, ChurnModel
    from retention_lib.scoring.drift import Profile
    from retention_lib.scoring.evaluation import Scorecard

    _check_told(about)
    wording = Wording(about["language"], about["currency"])
    classifier = CombinedClassifier.from_parts(skops.io.load(source, trusted=[]))
    if classifier.features != tuple(about["features"]):
        raise ValueError("the classifier needs other features than the file says")
    _try_out(classifier)
    trained_on = about["trained_on"]
    if lacking := [name for name in TRAINED_ON if name not in trained_on]:
        raise ValueError(f"the file does not tell {lacking[0]}")
    card = Scorecard.from_parts(about["scorecard"], wording=wording)
    return ChurnModel(
        card.table,
        wording=wording,
        assumptions=about["assumptions"],
        horizon_days=check_horizon(about["horizon_days"]),
        features=classifier.features,
        classifier=classifier,
        profile=Profile.from_dict(about["profile"]),
        scorecard=card,
        trained_on=trained_on,
    )


def _check_told(about: Mapping[str, Any]) -> None:
    """Refuse what stands in the wrong kind, which would come out only when it is shown."""
    kinds = {"language": str, "currency": str, "assumptions": dict, "trained_on": dict}
    for name, kind in kinds.items():
        if not isinstance(about[name], kind):
            raise TypeError(f"{name} is {about[name]!r}")
    facts = about["trained_on"]
    for name in ("customers", "rows", "share_left", "sampled_from", "spread"):
        value = facts.get(name, 0)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value!r}")
    for name in ("dates", "endings"):
        if not isinstance(facts.get(name, []), list):
            raise TypeError(f"{name} is {facts[name]!r}")


def _try_out(classifier: CombinedClassifier) -> None:
    """Score a customer of whom nothing is known: numbers that do not fit one another show."""
    import numpy as np
    import pandas as pd

    for contract in (0.0, 1.0):
        nobody = pd.DataFrame({name: [np.nan] for name in classifier.features})
        nobody = nobody.assign(date=pd.Timestamp("2024-01-01"), is_contract=contract)
        if not np.isfinite(classifier.predict_proba(nobody)).all():
            raise ValueError("it gives no probability")


def _plain(value: Any) -> Any:
    """What JSON does not know: dates, and numpy's numbers."""
    if isinstance(value, date):
        return {"date": value.isoformat()}
    return value.item()


def _dated(entry: dict[str, Any]) -> Any:
    """Undo :func:`_plain` for dates, which stand alone in their entry."""
    if set(entry) == {"date"}:
        return date.fromisoformat(entry["date"])
    return entry


def _target(path: object) -> Path:
    target = _path(path)
    if target.is_dir():
        raise InputError(
            f"{target} is a folder; name a file in it, such as {target / ('churn' + SUFFIX)}."
        )
    if not target.suffix:
        target = target.with_name(target.name + SUFFIX)
    if not target.parent.is_dir():
        raise InputError(f"There is no folder {target.parent}; make it first, or name another.")
    return target


def _source(path: object) -> Path:
    source = _path(path)
    beside = source.with_name(source.name + SUFFIX)
    if not source.is_file() and beside.is_file():
        return beside
    if not source.is_file():
        raise InputError(
            f"There is no file {source}. Save a model first: "
            f"rl.fit_churn(base).save({source.name!r})."
        )
    return source


def _path(path: object) -> Path:
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise InputError(f"path must be the name of a file such as 'churn.skops'; got {path!r}.")
    return Path(path).expanduser()


def _read_about(file: zipfile.ZipFile, source: Path) -> dict[str, Any]:
    """What the file says of itself, checked before anything else is looked at."""
    if sum(entry.file_size for entry in file.infolist()) > _LARGEST:
        raise InputError(f"{source} unpacks to more than 1 GB: that is no model of the workbook.")
    if file.testzip() is not None:
        raise zipfile.BadZipFile("an entry is damaged")
    about: Any = None
    if _ABOUT in file.namelist():
        try:
            about = json.loads(file.read(_ABOUT), object_hook=_dated)
        except (ValueError, RecursionError):
            about = None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise InputError(
            f"{source} is not a churn model of the workbook. Load what model.save(path) wrote."
        )
    version = about.get("format_version")
    if type(version) is not int or version != VERSION:
        raise InputError(
            f"{source} was saved in format {version!r}, this version of the workbook reads format "
            f"{VERSION}. Update the workbook, or {_RETRAIN}."
        )
    features = list(about.get("features") or [])
    unknown = [name for name in features if name not in BY_NAME]
    if unknown or not features:
        raise InputError(
            f"The model in {source} needs {len(unknown)} of {len(features)} features that this "
            f"version of the workbook does not know (first: {(unknown or [None])[0]!r}). "
            f"Update the workbook, or {_RETRAIN}."
        )
    return about


def _refuse_odd(file: zipfile.ZipFile, source: Path) -> None:
    """Refuse anything in skops's description that a model does not consist of."""
    try:
        found = set(_mentioned(json.loads(file.read("schema.json"))))
    except (KeyError, ValueError, RecursionError) as error:
        raise InputError(f"{source} is damaged: it does not say what it holds.") from error
    odd = sorted(name for name in found if name not in _TYPES | _LOADERS)
    if odd:
        raise InputError(
            f"{source} holds {len(odd)} kinds of things that no churn model consists of "
            f"(first: {odd[0]}). Nothing of it was run; use a file whose origin you know."
        )


def _mentioned(state: Any) -> Iterator[str]:
    """Every type, and every way of building one, that a description of skops mentions."""
    if isinstance(state, Mapping):
        if "__class__" in state or "__loader__" in state:
            yield f"{state.get('__module__')}.{state.get('__class__')}"
            yield str(state.get("__loader__"))
        for inner in state.values():
            yield from _mentioned(inner)
    elif isinstance(state, list):
        for inner in state:
            yield from _mentioned(inner)


def _other_versions(about: Mapping[str, Any]) -> str:
    """What made the file, where it was not what reads it; to the second number of a version."""
    saved = about.get("versions")
    differ = []
    for name in _CHECKED:
        then = str(saved.get(name, "?")) if isinstance(saved, Mapping) else "?"
        now = importlib.metadata.version(name)
        if then.split(".")[:2] != now.split(".")[:2]:
            differ.append(f"{name} {then} (here: {now})")
    return " and ".join(differ)
