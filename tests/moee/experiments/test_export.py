"""Weights as files: exported, built again, loaded, taken up by other runs."""

import json

import pytest
import torch
import toys
from safetensors.torch import load_file, save_file

from moee.experiments.export import export
from moee.experiments.run import Run
from moee.weights.modules import build_module, load_module, load_strictly, read_metadata
from moee.weights.runs import load_run, newest_checkpoint, without_optimizer

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
def test_another_runs_file_is_not_written_over_silently(trained, tmp_path):
    first, other = trained("trainer.max_steps=2"), trained("trainer.max_steps=3")
    (file, _), out = export(first.directory, tmp_path / "out"), tmp_path / "out"
    assert export(first.directory, out)[0] == file, "its own it may renew"
    with pytest.raises(
        FileExistsError, match=f"by toy-{first.signature}, .*toy-{other.signature}: .*--force"
    ):
        export(other.directory, out)
    assert read_metadata(file)["step"] == 2
    assert read_metadata(export(other.directory, out, force=True)[0])["step"] == 3
    save_file({"x": torch.zeros(1)}, file)
    with pytest.raises(FileExistsError, match="something else than `moee export`"):
        export(first.directory, out)


def test_a_checkpoint_outside_of_its_run_says_what_to_export(tmp_path):
    stray = tmp_path / "elsewhere" / "step=00000002.ckpt"
    stray.parent.mkdir()
    torch.save({"state_dict": {}}, stray)
    for path, what in {
        stray: "checkpoints/ of a run directory.*moee export RUN",
        stray.parent: "not a run directory.*moee export RUN",
        tmp_path / "absent.ckpt": "no such run directory or checkpoint",
    }.items():
        with pytest.raises(FileNotFoundError, match=what):
            load_run(path)


@pytest.mark.slow
def test_a_runs_whole_model_is_loaded_without_an_export(trained):
    run = trained()
    for path in (run.directory, newest_checkpoint(run.directory)):
        model, checkpoint = load_run(path)
        assert checkpoint.samefile(newest_checkpoint(run.directory))
        assert not model.training
        assert torch.equal(model.head.layer.weight, run.model.head.layer.weight)


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
