"""Weights as files: exported, built again, loaded, taken up by other runs."""

import json

import pytest
import torch
import toys
from safetensors.torch import load_file, save_file

from moee.experiments.export import export
from moee.experiments.run import Run
from moee.weights.runs import newest_checkpoint, without_optimizer
from moee.weights.modules import build_module, load_module, load_strictly, read_metadata

HEAD = "model.init_args.head"


@pytest.mark.slow
def test_exported_parts_build_and_load_by_themselves(trained, tmp_path):
    run = trained()
    files = export(run.directory, tmp_path / "out")
    assert [file.name for file in files] == ["toy.safetensors", "head.safetensors"]
    head = load_module(files[1])
    assert isinstance(head, toys.ToyHead)
    assert not head.training
    assert torch.equal(head.layer.weight, run.model.head.layer.weight)
    header = read_metadata(files[1])
    assert (header["experiment"], header["signature"], header["step"]) == ("toy", run.signature, 10)
    half = export(run.directory, tmp_path / "half", dtype="float16")
    assert load_file(half[1])["layer.weight"].dtype == torch.float16
    assert load_module(half[1]).layer.weight.dtype == torch.float32


def test_an_exported_part_needs_no_optimizer():
    config = {
        "class_path": "A",
        "init_args": {"width": 3, "optimizer": {"class_path": "lightning_modules.optim.muon.Muon"}},
    }
    assert without_optimizer(config) == {"class_path": "A", "init_args": {"width": 3}}
    assert "optimizer" in config["init_args"]
    assert without_optimizer({"class_path": "A"})["class_path"] == "A"


def test_a_checkpoint_that_is_cut_off_is_refused(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    assert newest_checkpoint(tmp_path) is None
    path = tmp_path / "checkpoints" / "step=00000010.ckpt"
    torch.save({"state_dict": {}}, path)
    assert newest_checkpoint(tmp_path) == path
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged or cut off"):
        newest_checkpoint(tmp_path)


def test_weights_that_are_no_numbers_are_refused():
    module = torch.nn.Linear(2, 2)
    broken = module.state_dict() | {"bias": torch.tensor([0.0, torch.nan])}
    with pytest.raises(ValueError, match=r"does not fit Linear: 1 with values that are no numbers \(bias\)"):
        load_strictly(module, broken, "x.safetensors")


@pytest.mark.slow
def test_a_run_can_start_from_anothers_parts(trained, checked, tmp_path):
    first = trained(root="first")
    file = export(first.directory, tmp_path / "out")[1]
    run = Run(checked(f"initial_weights.head={file}").composition, tmp_path / "runs")
    assert torch.equal(run.model.head.layer.weight, first.model.head.layer.weight)
    assert run.signature != first.signature
    with pytest.raises(
        ValueError, match=r"does not fit ToyHead: 2 of another shape \(layer.bias \(3,\) for \(4,\)"
    ):
        trained(f"initial_weights.head={file}", f"{HEAD}.init_args.width=4")
    with pytest.raises(ValueError, match="did you mean 'head'"):
        trained(f"initial_weights.haed={file}")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.safetensors"):
        checked("initial_weights.head=nowhere.safetensors")


def test_bad_weight_files_are_one_line(toy_experiment, tmp_path):
    (tmp_path / "noise.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0notjson!" * 3)
    save_file({"x": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    config = {"class_path": "toys.ToyHead", "init_args": {"width": 2}}
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors", metadata={"config": json.dumps(config)})
    hostile = {"class_path": "os.system", "init_args": {}}
    save_file(
        {"x": torch.zeros(1)}, tmp_path / "hostile.safetensors", metadata={"config": json.dumps(hostile)}
    )
    for name, what in {
        "noise": "damaged",
        "foreign": "no `config`",
        "other": "2 missing .*1 unexpected",
        "hostile": "not allowed",
    }.items():
        with pytest.raises(ValueError, match=what) as caught:
            load_module(tmp_path / f"{name}.safetensors")
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)
    with pytest.raises(FileNotFoundError, match="absent"):
        load_module(tmp_path / "absent.safetensors")


def test_a_module_config_is_checked_like_an_experiment(toy_experiment):
    with pytest.raises(ValueError, match=r"config\.init_args\.widht: did you mean 'width'"):
        build_module({"class_path": "toys.ToyHead", "init_args": {"widht": 2}})
    assert build_module({"class_path": "toys.ToyHead", "init_args": {"width": 2}}).layer.in_features == 2
