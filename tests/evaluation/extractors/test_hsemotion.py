"""HSEmotion from a converted file: timm's network, the authors' input rules, and no foreign program."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from told_faces import ToldFaces, moving_face

from evaluation.extractors.catalogue import load_published_extractor
from evaluation.extractors.faces.boxes import cut, mesh_boxes
from evaluation.extractors.interface import Extractor
from evaluation.extractors.published.hsemotion import HSEmotion
from evaluation.metrics.emotion.labels import ORDERS
from moee import cli


@pytest.fixture(scope="module")
def extractor() -> HSEmotion:
    torch.manual_seed(0)
    five = moving_face(3)
    five[1] = torch.nan
    return HSEmotion(ToldFaces(five))


def frames() -> torch.Tensor:
    g = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (3, 3, 170, 170), generator=g, dtype=torch.uint8)


@pytest.mark.slow
def test_a_box_is_seen_as_the_authors_transforms_show_it(extractor):
    transforms = pytest.importorskip("torchvision.transforms")
    image = pytest.importorskip("PIL.Image")
    see = transforms.Compose(
        [
            transforms.Resize((224, 224)),
            transforms.ToTensor(),
            transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
        ]
    )
    found = extractor.measure(frames())["emotion_hsemotion8"]
    assert found.shape == (3, len(ORDERS["hsemotion8"]))
    assert found[1].isnan().all()
    box = mesh_boxes(extractor.faces.find(frames(), "test").mesh)[2].tolist()
    picture = image.fromarray(np.ascontiguousarray(cut(frames()[2], *box).permute(1, 2, 0).numpy()))
    with torch.no_grad():
        other = extractor.network(see(picture)[None]).softmax(-1)
    assert torch.allclose(found[2], other[0], atol=2e-3)
    assert found[2].sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
def test_a_converted_file_is_taken_and_a_program_is_refused(extractor, tmp_path):
    (tmp_path / "x.task").write_bytes(b"told by its sha256")
    torch.save(extractor.network.state_dict(), tmp_path / "w.pth")
    assert sum(p.numel() for p in extractor.network.parameters()) == 4_017_796
    loaded = load_published_extractor("hsemotion-b0-8-vgaf", tmp_path / "w.pth", [tmp_path / "x.task"])
    assert isinstance(loaded, Extractor)
    assert len(loaded.fingerprint) == 64
    torch.save(extractor.network, tmp_path / "enet_b0_8_best_vgaf.pt")
    with pytest.raises(ValueError, match="perhaps a program, never run here: convert enet_b0") as caught:
        HSEmotion.load(tmp_path / "enet_b0_8_best_vgaf.pt", tmp_path / "x.task")
    assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="no EfficientNet weights at"):
        HSEmotion.load(tmp_path / "none.pth", tmp_path / "x.task")


@pytest.mark.slow
def test_the_command_that_is_printed_converts_the_file(extractor, tmp_path, capsys):
    state = {name: value.clone() for name, value in extractor.network.state_dict().items()}
    program = HSEmotion(extractor.faces).network  # the file holds a module whose head is a sequence
    program.load_state_dict(state)
    program.classifier = torch.nn.Sequential(program.classifier)
    torch.save(program, tmp_path / "enet_b0_8_best_vgaf.pt")
    assert cli.main(["weights", "list", "hsemotion_b0_8_vgaf"]) == 0
    (command,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("python -c")]
    told = command.replace("python", sys.executable, 1)
    subprocess.run(["sh", "-c", told], cwd=tmp_path, check=True)
    (tmp_path / "x.task").write_bytes(b"told by its sha256")
    loaded = HSEmotion.load(tmp_path / "hsemotion_b0_8_vgaf.pth", tmp_path / "x.task")
    assert all(torch.equal(value, state[name]) for name, value in loaded.network.state_dict().items())
