"""OpenGraphAU's architecture and the numbers of weights anyone can make; evaluation.md, section D."""

import numpy as np
import pytest
import torch
from synthetic_weights import fill
from told_faces import ToldFaces, moving_face

from datamodules.action_units import OPEN_GRAPH_AU
from datamodules.batch import ACTION_UNITS
from evaluation.extractors.catalogue import load_published_extractor
from evaluation.extractors.faces.boxes import cut, mesh_boxes, resized, squares_about
from evaluation.extractors.interface import Extractor, describe
from evaluation.extractors.published.open_graph_au import (
    UNITS,
    EdgeFeatures,
    GraphLayer,
    OpenGraphAU,
)


@pytest.fixture(scope="module")
def network() -> OpenGraphAU:
    made = OpenGraphAU(ToldFaces(moving_face(1)))
    fill(made)
    return made.eval().requires_grad_(False)


def test_names_shapes_and_counts(network):
    """The same 565 names and shapes as the authors' class."""
    assert sum(p.numel() for p in network.parameters()) == 35_637_698
    state = network.state_dict()
    assert len(state) == 565
    for name, shape in {
        "backbone.layer4.2.conv3.weight": (2048, 512, 1, 1),
        "global_linear.fc.weight": (512, 2048),
        "head.main_class_linears.26.bn.running_var": (512,),
        "head.edge_extractor.FAM.linear_q.weight": (256, 512),
        "head.edge_extractor.bn.weight": (729,),
        "head.gnn.graph_layers.1.E.weight": (512, 512),
        "head.gnn.graph_layers.0.bne.bias": (729,),
        "head.main_sc": (27, 512),
        "head.sub_sc": (14, 512),
    }.items():
        assert tuple(state[name].shape) == shape, name


@pytest.mark.slow
def test_numbers_of_synthetic_weights(network):
    """The authors' class gave the same to 6e-8 on these weights, behind torchvision's transforms to 5e-5."""
    axis = torch.arange(256).float()
    waves = torch.sin(axis[None] / 9 + torch.arange(3).view(3, 1, 1)) * torch.cos(axis[:, None] / 11)
    found = network.detect((127.5 + 100 * waves).round().to(torch.uint8)[None])
    assert found.shape == (1, 27)
    assert found[0, :4].tolist() == pytest.approx([0.416043, 0.435852, 0.410202, 0.388695], abs=2e-5)


def test_edges_are_what_attention_place_by_place_gives():
    """The mean over places taken early, against the plain order of things."""
    g = torch.Generator().manual_seed(0)
    edges = EdgeFeatures(8, 3).eval()
    edges.bn.running_mean.normal_(generator=g)
    edges.bn.weight.data.uniform_(0.5, 2, generator=g)
    unit, face = torch.randn(2, 3, 5, 8, generator=g), torch.randn(2, 5, 8, generator=g)
    whole = face[:, None].expand(2, 3, 5, 8)
    seen = edges.FAM.weights(unit, whole) @ edges.FAM.linear_v(whole)
    plain = []
    for into in range(3):
        for source in range(3):
            asked = seen[:, into]
            looked = edges.ARM.weights(seen[:, source], asked) @ edges.ARM.linear_v(asked)
            plain.append(edges.edge_proj(looked))
    expected = edges.bn(torch.stack(plain, 1)).mean(2)
    assert torch.allclose(edges(unit, face), expected, atol=1e-5)


def test_a_graph_layer_is_its_sums_over_pairs():
    g = torch.Generator().manual_seed(1)
    layer = GraphLayer(4, 3).eval()
    layer.bne.running_mean.normal_(generator=g)
    unit, edge = torch.randn(2, 3, 4, generator=g), torch.randn(2, 9, 4, generator=g)
    found, found_edge = layer(unit, edge)
    with torch.no_grad():
        for b in range(2):
            ends = torch.stack(
                [layer.A(unit[b, i]) + layer.B(unit[b, j]) for i in range(3) for j in range(3)]
            )
            new = edge[b] + layer.bne((ends + layer.E(edge[b]))[None])[0].relu()
            gate = new.sigmoid().view(3, 3, 4).softmax(1)
            told = torch.stack([(gate[i] * layer.V(unit[b])).sum(0) for i in range(3)]) / 3
            expected = unit[b] + layer.bnv((layer.U(unit[b]) + told)[None])[0].relu()
            assert torch.allclose(found_edge[b], new, atol=1e-5)
            assert torch.allclose(found[b], expected, atol=1e-5)


def test_all_our_units_are_among_theirs():
    assert tuple(OPEN_GRAPH_AU.values()) == ACTION_UNITS
    assert len(UNITS) == len(set(UNITS)) == 27
    assert set(ACTION_UNITS) <= set(UNITS)


def test_squares_and_what_lies_outside_the_picture():
    boxes = mesh_boxes(torch.tensor([[[10.0, 20.0], [30.0, 60.0]]]))
    assert boxes.tolist() == [[10.0, 20.0, 20.0, 40.0]]
    assert squares_about(boxes, 1.5).tolist() == [[-10.0, 10.0, 60.0, 60.0]]
    frame = torch.arange(1, 13, dtype=torch.uint8).view(1, 3, 4).expand(3, 3, 4)
    assert cut(frame, 1, 0, 2, 2)[0].tolist() == [[2, 3], [6, 7]]
    assert cut(frame, -1, -2, 4, 4)[0].tolist() == [[0] * 4, [0] * 4, [0, 1, 2, 3], [0, 5, 6, 7]]
    assert cut(frame, 2, 1, 3, 1)[0].tolist() == [[7, 8, 0]]
    assert cut(frame, 9, 9, 2, 2).sum() == 0


def test_crops_are_resized_as_pillow_does():
    image = pytest.importorskip("PIL.Image")
    crop = torch.randint(0, 256, (3, 90, 70), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    rgb = image.fromarray(crop.permute(1, 2, 0).numpy()).resize((56, 56), image.Resampling.BILINEAR)
    other = torch.from_numpy(np.asarray(rgb).copy()).permute(2, 0, 1)
    assert (resized(crop, 56) - other.float()).abs().max() <= 1


@pytest.mark.slow
def test_units_come_in_our_order_and_frames_without_a_face_are_told(network, monkeypatch):
    place = torch.arange(27).float() / 27
    monkeypatch.setattr(network, "detect", lambda faces: place.expand(len(faces), 27))
    five = moving_face(3)
    five[1] = torch.nan
    monkeypatch.setattr(network, "faces", ToldFaces(five))
    frames = torch.zeros(3, 3, 160, 160, dtype=torch.uint8)
    found = network.measure(frames)["action_units"]
    assert found[0].tolist() == pytest.approx([UNITS.index(unit) / 27 for unit in ACTION_UNITS])
    assert found[1].isnan().all()
    assert torch.equal(found[0], found[2])


@pytest.mark.slow
def test_the_published_file_is_a_checkpoint_of_many_gpus(network, tmp_path):
    state = {f"module.{name}": value for name, value in network.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state, "optimizer": {"lr": 1e-5}}, tmp_path / "w.pth")
    (tmp_path / "x.task").write_bytes(b"told by its sha256")
    loaded = load_published_extractor("opengraphau-resnet50", tmp_path / "w.pth", [tmp_path / "x.task"])
    assert isinstance(loaded, Extractor)
    assert "AU1 AU2 AU4" in str(describe(loaded)["settings"])
    assert torch.equal(loaded.head.main_sc, network.head.main_sc)
