"""Files that name classes by the module they once lived in still build."""

import importlib
import inspect

import pytest
from torch import nn

from moee.experiments.compose import compose
from moee.experiments.run import Run
from moee.weights.modules import build_module, load_module, with_keys_of_its_age
from moee.weights.moved_classes import MOVED_MODULES, SPLIT_MODULES, present_name, with_present_names
from moee.weights.registry import shipped


@pytest.mark.parametrize("old", MOVED_MODULES)
def test_every_entry_leads_to_a_module_with_classes(old):
    module = importlib.import_module(MOVED_MODULES[old])
    own = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    assert own
    with pytest.raises(ImportError):
        importlib.import_module(old)


def test_names_inside_a_tree_are_brought_up_to_date():
    old = {
        "class_path": "lightning_modules.muon.Muon",
        "init_args": {"parts": [{"class_path": "torch.nn.SiLU"}]},
    }
    new = with_present_names(old)
    assert new["class_path"] == "lightning_modules.optim.muon.Muon"
    assert new["init_args"] == old["init_args"]
    assert old["class_path"] == "lightning_modules.muon.Muon"
    assert present_name("nothing") == "nothing"


@pytest.mark.parametrize("old", SPLIT_MODULES)
def test_classes_of_a_split_module_are_found_one_by_one(old):
    left = []
    for name in SPLIT_MODULES[old]:
        module, _, same = present_name(f"{old}.{name}").rpartition(".")
        assert same == name
        assert getattr(importlib.import_module(module), name).__module__ == module
        left += [name] if module != old else []
    assert left
    try:
        still_there = importlib.import_module(old)
    except ImportError:
        return
    assert not any(hasattr(still_there, name) for name in left)


@pytest.mark.parametrize("old", ["lightning_modules.emotion_encoders", "lightning_modules.emotion.encoders"])
def test_a_module_is_built_by_its_old_name(old):
    config = {"class_path": f"{old}.LabelEncoder", "init_args": {"width": 8}}
    assert type(build_module(config)).__module__ == "lightning_modules.emotion.label"


def test_an_experiment_may_use_an_old_name(tmp_path):
    old = "model.init_args.optimizer.class_path=lightning_modules.muon.Muon"
    run = Run(compose("embedded-codec", old), tmp_path, build=False)
    assert run.parsed["model"]["init_args"]["optimizer"]["class_path"] == "lightning_modules.Muon"


@pytest.mark.slow
@pytest.mark.parametrize("name", [network.name for network in shipped()])
def test_every_shipped_network_loads(name):
    assert isinstance(load_module(name), nn.Module)


def test_weights_show_keys_that_are_younger_than_they_are() -> None:
    generator = {"class_path": "lightning_modules.EmotionToLatents", "init_args": {"width": 8}}
    whole = {"class_path": "lightning_modules.TalkingHead", "init_args": {"latent_generator": generator}}
    assert with_keys_of_its_age(generator, ["table"]) == generator
    assert with_keys_of_its_age(generator, ["direct.weight"])["init_args"] == {"width": 8, "bypass": True}
    older = with_keys_of_its_age(whole, ["latent_generator.direct.weight"])
    assert older["init_args"]["latent_generator"]["init_args"]["bypass"] is True
    assert "bypass" not in generator["init_args"]
