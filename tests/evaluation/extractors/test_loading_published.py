import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from evaluation.extractors.shapes import check_features, check_frames
from evaluation.extractors.weights import load_published
from evaluation.runtime.exactness import exact

ADVICE = "run this"


class Toy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)


def state() -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return {
        name: torch.rand(value.shape, generator=g) if value.is_floating_point() else value
        for name, value in Toy().state_dict().items()
    }


@pytest.mark.parametrize("file", ["w.pth", "w.safetensors", "w.model"])
@pytest.mark.parametrize("counters", [True, False])
def test_files_of_either_kind_and_any_age(tmp_path, file, counters):
    content = {name: value for name, value in state().items() if counters or "num_batches" not in name}
    path = tmp_path / file
    save_file(content, path) if path.suffix == ".safetensors" else torch.save(content, path)
    toy = Toy()
    assert load_published(toy, path, ADVICE) == hashlib.sha256(path.read_bytes()).hexdigest()
    for name, value in content.items():
        assert torch.equal(toy.state_dict()[name], value), name


def test_a_missing_file_says_how_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no Toy weights at .*none\.pth: run this$"):
        load_published(Toy(), tmp_path / "none.pth", ADVICE)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda s: s.pop("conv.bias"), "1 tensors differ, the first is conv.bias"),
        (lambda s: s.update({"fc.weight": torch.zeros(1)}), "1 tensors differ, the first is fc.weight"),
        (lambda s: s.update({"conv.weight": torch.zeros(2, 3)}), "the first is conv.weight"),
        (lambda s: s["bn.running_var"].fill_(torch.nan), "damaged: bn.running_var"),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path, change, line):
    content = state()
    change(content)
    torch.save(content, tmp_path / "w.pth")
    toy = Toy()
    before = {name: value.clone() for name, value in toy.state_dict().items()}
    with pytest.raises(ValueError, match=line):
        load_published(toy, tmp_path / "w.pth", ADVICE)
    assert all(torch.equal(before[name], value) for name, value in toy.state_dict().items())


def written(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("readme.txt", "no weights")
    return buffer.getvalue()


def program() -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), buffer)
    return buffer.getvalue()


NOISE = (
    torch.randint(0, 256, (4000,), generator=torch.Generator().manual_seed(1))
    .to(torch.uint8)
    .numpy()
    .tobytes()
)
BROKEN = {
    "empty": b"",
    "a page": b"<!DOCTYPE html><html>not found</html>" * 20,
    "noise": NOISE,
    "cut": written(state())[:-400],
    "half": written(state())[:700],
    "a zip": archive(),
    "text that looks like a pickle": b"junk\n",
    "TorchScript": program(),
    "a whole module": written(Toy()),
    "one tensor": written(torch.zeros(3)),
    "a checkpoint": written({"state_dict": state()}),
}


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_state_dict_gets_one_line(tmp_path, name, suffix):
    path = tmp_path / f"w.{suffix}"
    path.write_bytes(BROKEN[name])
    with pytest.raises(ValueError, match=r"not a readable weights file|is no state dict") as caught:
        load_published(Toy(), path, ADVICE)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


class Trap:
    """Whoever unpickles it without care makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_a_file_is_read_and_never_run(tmp_path):
    (tmp_path / "w.pth").write_bytes(written(state() | {"conv.weight": Trap(tmp_path / "sprung")}))
    with pytest.raises(ValueError, match="not a readable weights file"):
        load_published(Toy(), tmp_path / "w.pth", ADVICE)
    assert not (tmp_path / "sprung").exists()


def test_a_caller_in_low_precision_changes_nothing(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)  # as torch has it, whatever ran before
    x = torch.rand(1, 3, 4, 4)
    conv = Toy().conv
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert conv(x).dtype == torch.bfloat16
        with exact(x.device):
            assert conv(x).dtype == torch.float32
            assert not torch.backends.cudnn.allow_tf32
    assert exact.__wrapped__ is not None
    assert torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize(
    "frames",
    [
        torch.zeros(2, 3, 8, 8),
        torch.zeros(2, 1, 8, 8, dtype=torch.uint8),
        torch.zeros(2, 4, 8, 8, dtype=torch.uint8),
        torch.zeros(3, 8, 8, dtype=torch.uint8),
        torch.zeros(2, 3, 0, 8, dtype=torch.uint8),
    ],
)
def test_frames_of_another_kind_are_refused(frames):
    with pytest.raises(ValueError, match=r"net: expected uint8 RGB \(F, 3, H, W\), got"):
        check_frames(frames, 1, "net")


def test_too_few_frames_and_features_without_an_axis_are_refused():
    with pytest.raises(ValueError, match="net needs at least 3 frames, got 2: give a longer clip"):
        check_frames(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), 3, "net")
    with pytest.raises(ValueError, match=r"expected features \(1, 5\), got \(5,\)"):
        check_features(torch.zeros(5), (1, 5), "net")


@pytest.mark.parametrize("level", ["highest", "high", "medium"])
def test_matrix_products_of_a_caller_in_a_hurry_are_exact_too(level):
    switches = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)
    kept = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(level)
    before = [switch.fp32_precision for switch in switches]
    try:
        with exact(torch.device("cpu")):
            assert [switch.fp32_precision for switch in switches] == ["ieee"] * 2
        assert [switch.fp32_precision for switch in switches] == before
        assert torch.get_float32_matmul_precision() == level
    finally:
        torch.set_float32_matmul_precision(kept)
