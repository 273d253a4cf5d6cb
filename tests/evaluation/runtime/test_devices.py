"""What is computed on which device. Devices that are not here are played by `meta`."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from judges import PROTOCOL, PaintedIdentity, PaintedJudge, painted
from synthetic_weights import fill
from torch import Tensor, nn

from datamodules.synthetic.clip import synthetic_clip
from evaluation.evaluate import evaluate
from evaluation.extractors.embedded.identity import IdentityJudge
from evaluation.extractors.embedded.judge import Judge
from evaluation.extractors.embedded.sync_judge import SyncJudge
from evaluation.extractors.faces.mesh import POINTS, Faces
from evaluation.extractors.faces.sync_crop import CroppedSyncNet
from evaluation.extractors.published.arcface import ArcFace
from evaluation.extractors.published.emonet import EmoNet
from evaluation.extractors.published.fan import Reached
from evaluation.extractors.published.hsemotion import HSEmotion
from evaluation.extractors.published.i3d import I3d
from evaluation.extractors.published.inception import Inception
from evaluation.extractors.published.mini_xception import MiniXception
from evaluation.extractors.published.open_graph_au import OpenGraphAU
from evaluation.extractors.published.syncnet import SyncNet
from evaluation.extractors.published.tddfa import Tddfa
from evaluation.metrics.pictures.perceptual import lpips_frames
from evaluation.protocol import load_protocol
from evaluation.runtime.devices import CPU, Workplace, choose_device, with_room
from lightning_modules.optim.precision import multiplies_bfloat16
from moee import cli
from moee.generation.generator import load_generator
from moee.judging.protocols import load_extractors
from moee.shipped_configs import CONFIGS

META = torch.device("meta")
FRAMES, SIDE, BLIND = 10, 96, 3  # one frame shows no face
MESH = 20 + 60 * torch.rand(FRAMES, POINTS, 2, generator=torch.Generator().manual_seed(0))
MESH[BLIND] = torch.nan
SAMPLES = [painted(i) for i in range(2)]


class Finder:
    """Stands in for MediaPipe, which works on the CPU."""

    def __init__(self) -> None:
        self.settings: dict = {}

    def find(self, frames_F3HW: Tensor, who: str) -> Faces:
        return Faces(MESH, (None,) * FRAMES)


NETWORKS = {
    "judge": Judge,
    "identity": IdentityJudge,
    "sync": SyncJudge,
    "inception": lambda: Inception("clean", 2),
    "i3d": lambda: I3d("squash", 9),
    "syncnet": SyncNet,
    "syncnet, its own cut": lambda: CroppedSyncNet(SyncNet(), Finder()),
    "emonet": lambda: EmoNet(Finder()),
    "mini-xception": lambda: MiniXception(Finder()),
    "3ddfa": lambda: Tddfa(Finder()),
    "arcface": lambda: ArcFace("ms1mv3", "r50", Finder()),
    "opengraphau": lambda: OpenGraphAU(Finder()),
    "hsemotion": lambda: HSEmotion(Finder()),
}
CHOOSE_BY_VALUE = ("arcface",)  # looks where its points are finite, which nobody knows on meta


def gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: count > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)


def torch_part(network) -> nn.Module:
    return network if isinstance(network, nn.Module) else network.network


def test_each_process_takes_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    second = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}
    tasks = {"SLURM_STEP_ID": "0", "SLURM_PROCID": "6", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "2"}
    gpus(monkeypatch, 4)
    assert choose_device("auto", {}) == torch.device("cuda", 0)
    assert choose_device("auto", second) == choose_device("cuda", second) == torch.device("cuda", 1)
    assert choose_device("auto", tasks) == torch.device("cuda", 2)
    assert choose_device("cuda:3", second) == torch.device("cuda", 3)
    assert choose_device("cpu", second) == CPU
    gpus(monkeypatch, 1)  # as many processes as one likes, or srun shows each only its own
    assert choose_device("auto", second) == choose_device("auto", tasks) == torch.device("cuda", 0)
    gpus(monkeypatch, 0)
    assert choose_device("auto", second) == CPU


@pytest.mark.parametrize(
    ("name", "count", "said"),
    [
        ("cuda", 0, "--device cuda: torch sees no CUDA device here; `--device cpu` always works"),
        ("cuda:2", 2, "--device cuda:2: torch sees cuda:0 to cuda:1 here"),
        ("tpu", 0, "--device tpu: allowed are auto, cpu, cuda and cuda:N"),
        ("cuda:", 1, "--device cuda:: allowed are"),
        ("cpu:0", 1, "--device cpu:0: allowed are"),
    ],
)
def test_a_device_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, name: str, count: int, said: str
) -> None:
    gpus(monkeypatch, count)
    with pytest.raises(ValueError, match="--device") as error:
        choose_device(name, {})
    assert str(error.value).startswith(said)


def test_a_command_says_so_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder, out = str(tmp_path), str(tmp_path / "r.json")
    command = ["evaluate", "--generated", folder, "--reference", folder, "--out", out, "--device", "cuda:99"]
    assert cli.main(command) == 1
    said = capsys.readouterr().err
    assert said.startswith("moee: --device cuda:99: ")
    assert said.count("\n") == 1


class Moved(PaintedJudge):
    """Remembers where it was moved and what it got."""

    def __init__(self) -> None:
        self.device, self.got = CPU, []

    def to(self, device: torch.device) -> "Moved":
        self.device = device
        return self

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        self.got.append(frames_F3HW)
        return super().measure(torch.zeros(frames_F3HW.shape, dtype=torch.uint8))


class Unmoved(PaintedIdentity):
    def __init__(self) -> None:
        self.got = []

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        self.got.append(frames_F3HW)
        return super().measure(frames_F3HW)


def test_frames_go_where_the_networks_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("evaluation.runtime.devices.exact", lambda _: nullcontext())  # autocast knows no meta
    compared: set[torch.device] = set()

    def elsewhere(work: Callable[[torch.device], Tensor], device: torch.device) -> Tensor:
        compared.add(device)
        return work(CPU)  # meta compares nothing

    monkeypatch.setattr("evaluation.measuring.rows.with_room", elsewhere)
    results = []
    for device in (META, CPU):
        moved, unmoved = Moved(), Unmoved()
        found = evaluate(
            SAMPLES, SAMPLES, PROTOCOL, extractors=[moved, unmoved], cache=tmp_path, device=device
        )
        assert moved.device == device
        assert moved.got  # the second device remembers nothing of the first
        assert {frames.device.type for frames in moved.got} == {device.type}
        assert {frames.device.type for frames in unmoved.got} == {"cpu"}
        assert found.environment["device"] == device.type
        assert not any(row.problem for row in found.rows)
        results.append(found)
    assert results[0].digest == results[1].digest
    assert compared == {META, CPU}


def test_what_was_seen_comes_back_and_frames_are_moved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.runtime.devices.exact", lambda _: nullcontext())
    first, second, got = Moved(), Moved(), []
    place, frames = Workplace(META, [first, second]), torch.zeros(1, 3, 4, 4, dtype=torch.uint8)

    def measure(given: Tensor) -> dict:
        got.append(given)
        return {"x": SimpleNamespace(cpu=lambda: "back")}

    assert place.run(first, measure, frames) == place.run(second, measure, frames) == {"x": "back"}
    assert got[0] is got[1]
    assert place.run(first, measure, frames.clone()) == {"x": "back"}
    assert got[2] is not got[0]


def test_what_a_full_gpu_cannot_do_the_cpu_does() -> None:
    places, gpu = [], torch.device("cuda", 0)

    def work(device: torch.device) -> str:
        places.append(device)
        if device == gpu:
            raise RuntimeError(words)
        return device.type

    words = "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    assert with_room(work, gpu) == "cpu"
    assert places == [gpu, CPU]
    words = "size mismatch"
    with pytest.raises(RuntimeError, match="size mismatch"):
        with_room(work, gpu)

    def full(_: torch.device) -> None:
        raise torch.OutOfMemoryError("no memory")

    with pytest.raises(torch.OutOfMemoryError):
        with_room(full, CPU)


def test_a_full_gpu_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def full(_: object) -> int:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 2 GiB.")

    monkeypatch.setattr("moee.commands.machine.doctor.run", full)
    assert cli.main(["doctor"]) == 1
    assert capsys.readouterr().err == "moee: CUDA out of memory. Tried to allocate 2 GiB.\n"


def test_every_network_looks_in_full_precision() -> None:
    """Workplace sets what `exact` sets, and sets it back."""
    backends, seen = torch.backends, []

    def measure(given: Tensor) -> dict[str, Tensor]:
        seen.extend([backends.cudnn.allow_tf32, backends.cuda.matmul.fp32_precision, given.requires_grad])
        return {"x": given * 2}

    before = backends.cuda.matmul.fp32_precision
    backends.cuda.matmul.fp32_precision = "tf32"
    try:
        found = Workplace().run(object(), measure, torch.ones(1, requires_grad=True))
        assert backends.cuda.matmul.fp32_precision == "tf32"
    finally:
        backends.cuda.matmul.fp32_precision = before
    assert seen == [False, "ieee", True]
    assert not found["x"].requires_grad


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in CHOOSE_BY_VALUE])
def test_a_network_makes_all_its_tensors_where_it_is(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """On meta an operation of two devices is an error, as on a GPU."""
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith("evaluation.") and hasattr(module, "exact"):
            monkeypatch.setattr(module, "exact", lambda _: torch.inference_mode())
    with META:
        network = NETWORKS[name]()
    torch_part(network.to(META)).eval()
    found = network.measure(torch.zeros(FRAMES, 3, SIDE, SIDE, dtype=torch.uint8, device=META))
    assert found
    assert {value.device.type for value in found.values()} == {"meta"}


class Elsewhere(nn.Module):
    """Has its weights elsewhere, and says what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.given = nn.Parameter(torch.zeros(1, device=META)), []

    def forward(self, *given: Tensor) -> Tensor:
        self.given += [x.device.type for x in given]
        return torch.zeros(len(given[0]))


def test_pictures_reach_fan_and_lpips_wherever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.metrics.pictures.perceptual.exact", lambda _: nullcontext())
    network, frames = Elsewhere(), torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    assert Reached(network)(frames).tolist() == [0, 0, 0]
    assert lpips_frames(network, frames, frames).tolist() == [0, 0, 0]
    assert network.given == ["meta"] * 3


def test_low_precision_depends_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", dict, raising=False)
    gpus(monkeypatch, 1)
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda device: (9, 0))
    assert multiplies_bfloat16(torch.device("cuda", 0))
    assert multiplies_bfloat16(choose_device())
    assert not multiplies_bfloat16(torch.device("mps"))
    assert not multiplies_bfloat16(CPU)  # a GPU beside it does not help
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda device: (7, 5))
    assert not multiplies_bfloat16(torch.device("cuda", 0))


@pytest.mark.gpu
@pytest.mark.parametrize("name", NETWORKS)
def test_a_gpu_sees_what_the_cpu_sees(name: str) -> None:
    network = NETWORKS[name]()
    fill(torch_part(network).eval())
    g = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (FRAMES, 3, SIDE, SIDE), generator=g, dtype=torch.uint8)
    here, there = (
        Workplace(device, [network]).run(network, network.measure, frames)
        for device in (CPU, torch.device("cuda", 0))
    )
    assert here.keys() == there.keys()
    for field, value in here.items():
        assert there[field].device == CPU
        scale = value.nan_to_num().abs().max().clamp(min=1).item()
        assert torch.allclose(there[field], value, rtol=0, atol=1e-3 * scale, equal_nan=True), field


@pytest.mark.gpu
def test_a_gpu_animates_as_the_cpu_does() -> None:
    from lightning_modules.interfaces import EmotionCue

    sample = painted(0)
    videos = []
    for device in (CPU, torch.device("cuda", 0)):
        network = load_generator(None, "32", device).network
        cue = EmotionCue(label=sample["blend"][None])
        videos.append(torch.cat(list(network.animate(sample["reference"], torch.zeros(4 * 640), cue))))
        assert videos[-1].device == CPU
    apart = (videos[0].float() - videos[1].float()).abs()
    assert apart.mean() < 0.1
    assert apart.max() <= 4


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["embedded-v1", "embedded-v2"])
def test_a_gpu_evaluates_as_the_cpu_does(name: str) -> None:
    samples = [synthetic_clip(920_000 + i, 30, identity=500 + i, split="test") for i in range(4)]
    made = {s["key"]: (s["frames"].int() * 3 // 4 + 20).to(torch.uint8) for s in samples}
    protocol = load_protocol(CONFIGS / "protocol" / f"{name}.yaml")
    here, there = (
        evaluate(made, samples, protocol, extractors=load_extractors(protocol), device=device)
        for device in (CPU, torch.device("cuda", 0))
    )
    assert there.environment["device"] == torch.cuda.get_device_name(0)
    assert here.comparable == there.comparable
    assert here.metrics.keys() == there.metrics.keys()
    for metric, record in here.metrics.items():
        found = there.metrics[metric]
        assert found["value"] == pytest.approx(record["value"], rel=2e-3, abs=1e-3), metric
        assert found["interval"] == pytest.approx(record["interval"], rel=0.02, abs=5e-3), metric
