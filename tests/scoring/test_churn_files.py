"""Saved models: the same scores to the last bit, and nothing in a file is ever run."""

import dataclasses
import importlib.metadata
import io
import json
import os
import pickle
import warnings
import zipfile
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import retention_lib as rl
from retention_lib.errors import DataWarning, InputError
from retention_lib.scoring import churn_files
from retention_lib.scoring.churn_files import load_churn, save_churn


@cache
def base():
    return rl.simulate_base(300, seed=3, years=1.5, contracts_share=0.3)[0]


@cache
def model():
    return rl.fit_churn(base(), horizon_days=60)


@pytest.fixture
def saved(tmp_path):
    return model().save(tmp_path / "churn.skops")


def entries(path):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def rewritten(path, **changed):
    """The file with some of its entries changed; a function gets the parsed JSON."""
    held = entries(path)
    with zipfile.ZipFile(path, "w") as file:
        for name, content in held.items():
            if name.removesuffix(".json") in changed:
                content = json.dumps(changed[name.removesuffix(".json")](json.loads(content)))
            file.writestr(name, content)
    return path


def with_entry(name, value):
    return lambda about: {**about, name: value}


def test_a_loaded_model_gives_the_same_scores_to_the_last_bit(saved):
    again = load_churn(saved)
    ours, theirs = model().score(base()), again.score(base())
    assert theirs.to_frame().equals(ours.to_frame())
    assert (theirs.parts == ours.parts).all()


def test_a_loaded_model_says_what_the_saved_one_said(saved):
    again = load_churn(saved)
    assert again.to_frame().equals(model().to_frame())
    assert again.sentence() == model().sentence()
    assert again.assumptions == model().assumptions
    assert isinstance(again.assumptions["as_of"], date)
    assert again.trained_on == model().trained_on
    assert again.scorecard.verdict == model().scorecard.verdict
    assert again.scorecard.curve.equals(model().scorecard.curve)
    assert again.scorecard.bins.equals(model().scorecard.bins)
    assert again.training().to_frame().equals(model().training().to_frame())
    assert (again.features, again.horizon_days) == (model().features, 60)
    assert json.dumps(again.profile.to_dict()) == json.dumps(model().profile.to_dict())
    assert again.wording == model().wording


def test_a_model_saved_again_is_the_same_file_but_for_the_time(saved, tmp_path):
    again = save_churn(load_churn(saved), tmp_path / "again.skops")
    assert json.loads(entries(again)["about.json"]) == json.loads(entries(saved)["about.json"])


def test_the_file_tells_the_versions_and_the_features_it_needs(saved):
    about = json.loads(entries(saved)["about.json"])
    assert about["features"] == list(model().features)
    assert about["versions"] == {
        name: importlib.metadata.version(name)
        for name in ("retention-workbook", "scikit-learn", "numpy", "skops")
    }


def test_no_customer_is_in_the_file(saved):
    content = b"".join(entries(saved).values())
    ids = base().to_pandas("customers")["customer_id"]
    assert not [one for one in ids if str(one).encode() in content]


def test_a_name_without_a_suffix_gets_one_and_is_found_again(tmp_path):
    path = model().save(tmp_path / "churn")
    assert path == tmp_path / "churn.skops"
    assert load_churn(tmp_path / "churn").features == model().features
    assert load_churn(str(path)).features == model().features


def test_an_older_file_is_replaced_and_nothing_is_left_beside_it(saved):
    saved.write_bytes(b"old")
    model().save(saved)
    assert load_churn(saved).features == model().features
    assert [file.name for file in saved.parent.iterdir()] == ["churn.skops"]


def test_an_interrupted_save_leaves_the_old_file_whole(saved, monkeypatch):
    before = saved.read_bytes()

    def fail(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(InputError, match="the disk is full"):
        model().save(saved)
    assert saved.read_bytes() == before
    assert [file.name for file in saved.parent.iterdir()] == ["churn.skops"]


def test_a_folder_is_no_file_to_save_to(tmp_path):
    with pytest.raises(InputError, match=r"is a folder; name a file in it, such as .*churn\.skops"):
        model().save(tmp_path)
    with pytest.raises(InputError, match="There is no folder"):
        model().save(tmp_path / "nowhere" / "churn.skops")


@pytest.mark.parametrize("wrong", [None, 7, "", True])
def test_something_else_than_a_path_is_refused(wrong):
    with pytest.raises(InputError, match="name of a file"):
        save_churn(model(), wrong)
    with pytest.raises(InputError, match="name of a file"):
        load_churn(wrong)


def test_a_file_that_is_not_there_is_said_with_the_remedy(tmp_path):
    with pytest.raises(InputError, match=r"There is no file .*Save a model first"):
        load_churn(tmp_path / "nothing.skops")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_file_cut_short_is_refused(saved, share):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match="cut short or damaged"):
        load_churn(saved)


def test_a_file_damaged_on_its_way_is_refused_or_gives_the_same_scores(saved):
    whole = saved.read_bytes()
    frame = rl.take_snapshots(base()).eligible()
    expected = model().classifier.predict_proba(frame)
    for place in np.linspace(0, len(whole) - 1, 60).astype(int):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        saved.write_bytes(changed)
        try:
            again = load_churn(saved)
        except InputError:
            continue
        assert (again.classifier.predict_proba(frame) == expected).all()


def test_something_else_than_a_model_is_refused(tmp_path):
    import skops.io

    file = tmp_path / "other.skops"
    skops.io.dump({"a": 1}, file)
    with pytest.raises(InputError, match="not a churn model of the workbook"):
        load_churn(file)
    file.write_text("customer_id,date\n")
    with pytest.raises(InputError, match="no saved model"):
        load_churn(file)


def test_a_file_of_a_newer_workbook_is_refused(saved):
    rewritten(saved, about=with_entry("format_version", 2))
    with pytest.raises(InputError, match=r"saved in format 2.*Update the workbook"):
        load_churn(saved)


def test_a_model_with_features_that_nobody_knows_is_refused(saved):
    rewritten(saved, about=with_entry("features", ["recency_days", "shoe_size"]))
    with pytest.raises(InputError, match=r"needs 1 of 2 features .*'shoe_size'.*fit_churn"):
        load_churn(saved)


def test_a_file_whose_parts_contradict_each_other_is_refused(saved):
    rewritten(saved, about=with_entry("features", ["recency_days"]))
    with pytest.raises(InputError, match="cannot be built"):
        load_churn(saved)


@pytest.mark.parametrize("name", ["profile", "scorecard", "trained_on", "horizon_days", "language"])
def test_a_file_that_lacks_something_is_refused(saved, name):
    def without(about):
        return {key: value for key, value in about.items() if key != name}

    rewritten(saved, about=without)
    with pytest.raises(InputError, match="cannot be built"):
        load_churn(saved)


@pytest.mark.parametrize("package", ["scikit-learn", "retention-workbook"])
def test_another_version_warns(saved, package):
    def older(about):
        return {**about, "versions": {**about["versions"], package: "0.0.7"}}

    rewritten(saved, about=older)
    with pytest.warns(DataWarning, match=rf"{package} 0\.0\.7 \(here: .*fit_churn"):
        again = load_churn(saved)
    assert again.features == model().features


def test_another_patch_release_does_not_warn(saved):
    def patched(about):
        minor = importlib.metadata.version("scikit-learn").rsplit(".", 1)[0]
        return {**about, "versions": {**about["versions"], "scikit-learn": f"{minor}.99"}}

    rewritten(saved, about=patched)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_churn(saved)


class Evil:
    """Would leave a mark where it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def test_a_pickle_in_place_of_a_model_is_never_run(tmp_path):
    mark, file = tmp_path / "mark", tmp_path / "evil.skops"
    file.write_bytes(pickle.dumps(Evil(mark)))
    with pytest.raises(InputError):
        load_churn(file)
    assert not mark.exists()


def test_a_pickled_array_inside_is_never_run(saved, tmp_path):
    mark = tmp_path / "mark"
    held = entries(saved)
    evil = io.BytesIO()
    np.save(evil, np.array([Evil(mark)], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(saved, "w") as file:
        for name, content in held.items():
            file.writestr(name, evil.getvalue() if name.endswith(".npy") else content)
    with pytest.raises(InputError, match="cannot be built") as said:
        load_churn(saved)
    assert not mark.exists()
    assert "unsafe" not in str(said.value), "nobody is told how to run it all the same"


def evil_call(mark):
    """What skops would build by calling a function of the operating system."""
    return {
        "__class__": "mkdir",
        "__module__": "os",
        "__loader__": "ConstructorFromReduceNode",
        "content": {
            "__class__": "tuple",
            "__module__": "builtins",
            "__loader__": "TupleNode",
            "content": [
                {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode",
                 "content": json.dumps(str(mark)), "is_json": True}
            ],
        },
    }  # fmt: skip


def test_a_function_call_inside_is_never_run(saved, tmp_path):
    mark = tmp_path / "mark"

    def with_call(schema):
        schema["content"]["features"] = evil_call(mark)
        return schema

    rewritten(saved, schema=with_call)
    with pytest.raises(InputError, match=r"no churn model consists of .*Nothing of it was run"):
        load_churn(saved)
    assert not mark.exists()


@pytest.mark.parametrize("loader", ["MethodNode", "PartialNode", "OperatorFuncNode", "ObjectNode"])
def test_ways_of_building_that_a_model_does_not_need_are_refused(saved, loader):
    def with_loader(schema):
        schema["content"]["features"]["__loader__"] = loader
        return schema

    rewritten(saved, schema=with_loader)
    with pytest.raises(InputError, match=loader):
        load_churn(saved)


def test_estimators_inside_are_refused_even_those_of_scikit_learn(saved):
    import skops.io
    from sklearn.ensemble import HistGradientBoostingClassifier

    fitted = HistGradientBoostingClassifier(max_iter=2).fit(np.arange(40.0)[:, None], [0, 1] * 20)
    about = entries(saved)["about.json"]
    skops.io.dump({"features": fitted}, saved)
    with zipfile.ZipFile(saved, "a") as file:
        file.writestr("about.json", about)
    with pytest.raises(InputError, match="no churn model consists of"):
        load_churn(saved)


def test_a_file_that_unpacks_to_more_than_any_model_is_refused(saved, monkeypatch):
    monkeypatch.setattr(churn_files, "_LARGEST", 3 * 2**20)
    load_churn(saved)
    with zipfile.ZipFile(saved, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb", bytes(2**22))
    assert saved.stat().st_size < 2**20
    with pytest.raises(InputError, match="more than 1 GB"):
        load_churn(saved)


def test_a_model_that_could_not_be_loaded_is_not_saved(tmp_path):
    class Odd:
        def to_parts(self):
            return {"features": np.random.default_rng(0)}

    with pytest.raises(InputError, match="no churn model consists of"):
        save_churn(dataclasses.replace(model(), classifier=Odd()), tmp_path / "odd.skops")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("assumptions", wrong) for wrong in (None, "x", [], -5)),
        *(("horizon_days", wrong) for wrong in (-5, True, "60", 10**9)),
        *(("currency", wrong) for wrong in ([], {}, None)),
        ("language", []),
        ("trained_on", []),
        ("format_version", True),
    ],
)
def test_what_stands_in_the_wrong_kind_is_refused_when_it_is_loaded(saved, name, value):
    rewritten(saved, about=with_entry(name, value))
    with pytest.raises(InputError):
        load_churn(saved)


@pytest.mark.parametrize(
    ("name", "value"), [("spread", "x"), ("spread", -1), ("endings", "x"), ("customers", True)]
)
def test_facts_of_the_training_in_the_wrong_kind_are_refused(saved, name, value):
    def changed(about):
        return {**about, "trained_on": {**about["trained_on"], name: value}}

    rewritten(saved, about=changed)
    with pytest.raises(InputError, match=name):
        load_churn(saved)
