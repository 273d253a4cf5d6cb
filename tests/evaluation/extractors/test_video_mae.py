"""The ViT of content-debiased FVD against transformers' VideoMAE, which splits its tensors otherwise."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_weights import fill
from transformers import VideoMAEConfig, VideoMAEForVideoClassification

from evaluation.extractors.catalogue import load_published_extractor
from evaluation.extractors.interface import Extractor, describe
from evaluation.extractors.published.video_mae import GIANT, VideoMae, Widths, places, preprocess
from evaluation.metrics import METRICS, frechet_distance
from evaluation.results.result import Result
from evaluation.runtime.whole_files import file_digest
from moee import cli
from moee.generation.video_writer import write_video

TINY = Widths(tokens=24, hidden=56, blocks=3, heads=3, classes=5)
NAME = "videomae2-giant-ssv2-squash-16"


def alive(widths: Widths = TINY) -> VideoMae:
    """With biases and norms that are not 0 and 1, so that none can be left out unseen."""
    network = fill(VideoMae(widths)).eval().requires_grad_(False)
    g = torch.Generator().manual_seed(3)
    for value in network.parameters():
        if value.ndim == 1:
            value.add_(0.3 * torch.randn(value.shape, generator=g))
    return network


def frames(count: int, height: int = 40, width: int = 56) -> torch.Tensor:
    g = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, 3, height, width), generator=g, dtype=torch.uint8)


def outsider(network: VideoMae, widths: Widths) -> VideoMAEForVideoClassification:
    """Transformers' network with the same weights."""
    config = VideoMAEConfig(
        patch_size=14,
        hidden_size=widths.tokens,
        num_hidden_layers=widths.blocks,
        num_attention_heads=widths.heads,
        intermediate_size=widths.hidden,
        layer_norm_eps=1e-6,
        num_labels=widths.classes,
    )
    theirs = VideoMAEForVideoClassification(config).eval()
    assert theirs.fc_norm is not None
    theirs.fc_norm.eps = 1e-6  # it has another, which no setting reaches
    words = {
        "patch_embed.proj": "videomae.embeddings.patch_embeddings.projection",
        "blocks": "videomae.encoder.layer",
        "norm1": "layernorm_before",
        "norm2": "layernorm_after",
        "attn.proj": "attention.output.dense",
        "mlp.fc1": "intermediate.dense",
        "mlp.fc2": "output.dense",
        "head": "classifier",
    }
    state = {}
    for name, value in network.state_dict().items():
        if name.endswith("qkv.weight"):
            parts = dict(zip(("query", "key", "value"), value.chunk(3), strict=True))
            state |= {name.replace("qkv", part): rows for part, rows in parts.items()}
        else:
            state[name.replace("q_bias", "query.bias").replace("v_bias", "value.bias")] = value
    for one, other in words.items():
        state = {name.replace(one, other): value for name, value in state.items()}
    attended = r"attn\.(query|key|value)"
    lacking, odd = theirs.load_state_dict(
        {re.sub(attended, r"attention.attention.\1", n): v for n, v in state.items()}, strict=False
    )
    for name in lacking:  # transformers 5.17 keeps one for keys; the published network has none
        assert name.endswith("key.bias"), name
        theirs.get_parameter(name).data.zero_()
    assert not odd
    return theirs


@pytest.mark.slow
def test_features_are_those_of_transformers():
    network, clip = alive(), frames(16)
    theirs, seen = outsider(network, TINY), []
    theirs.classifier.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.inference_mode():
        scores = theirs(preprocess(clip).transpose(0, 1)[None]).logits
        ours = network.measure(clip)["videomae_squash_16"]
        assert torch.allclose(network.head(ours), scores, atol=1e-5, rtol=1e-5)
    assert torch.allclose(ours, seen[0], atol=1e-5, rtol=1e-5)
    assert ours.std() > 0.1


def test_names_and_parameters_of_the_giant():
    with torch.device("meta"):
        state = VideoMae().state_dict()
    count = sum(value.numel() for value in state.values())
    assert count == 1_011_855_918
    assert f"{count * 2 / 1e9:.2f}" == "2.02"  # GB in half precision, as the file's page says
    assert len(state) == 2 + 40 * 13 + 2 + 2
    for name, shape in {
        "patch_embed.proj.weight": (1408, 3, 2, 14, 14),
        "blocks.0.norm1.bias": (1408,),
        "blocks.0.attn.q_bias": (1408,),
        "blocks.0.attn.v_bias": (1408,),
        "blocks.39.attn.qkv.weight": (4224, 1408),
        "blocks.39.attn.proj.bias": (1408,),
        "blocks.39.mlp.fc1.weight": (6144, 1408),
        "blocks.39.mlp.fc2.weight": (1408, 6144),
        "fc_norm.weight": (1408,),
        "head.weight": (174, 1408),
    }.items():
        assert tuple(state[name].shape) == shape, name
    assert "blocks.0.attn.qkv.bias" not in state
    assert GIANT.hidden == int(GIANT.tokens * 48 / 11)
    assert all(METRICS[f"fvd_videomae_squash_16{end}"].width == 1408 for end in ("", "_n"))


def test_places_by_hand():
    table = places(6, 8)
    for token, column in np.ndindex(6, 8):
        angle = token / 10000 ** (2 * (column // 2) / 8)
        assert table[token, column].item() == pytest.approx((np.sin, np.cos)[column % 2](angle), abs=1e-7)
    assert table.dtype == torch.float32


def test_preparation_by_hand():
    """Columns 0 and 255 of a picture of two: outer quarters keep them, the middle runs in a straight line."""
    clip = torch.zeros(2, 3, 1, 2, dtype=torch.uint8)
    clip[0, :, 0, 1], clip[1, 2] = 255, 51
    x = preprocess(clip)
    assert x.shape == (3, 2, 224, 224)
    centres = (torch.arange(224) + 0.5) * 2 / 224 - 0.5
    assert torch.allclose(x[0, 0], centres.clamp(0, 1).expand(224, -1), atol=1e-6)
    assert torch.allclose(x[2, 1], torch.tensor(0.2))
    assert x[:2, 1].abs().max() == 0
    same = frames(1, 224, 224)
    assert torch.equal(preprocess(same)[:, 0], same[0].float() / 255)


def test_windows_lie_side_by_side_and_know_the_order_of_frames():
    network, clip = alive(replace(TINY, blocks=1)), frames(16)
    clip = torch.cat([clip, clip.flip(0), clip[:7]])
    found = network.measure(clip)["videomae_squash_16"]
    assert found.shape == (2, TINY.tokens)
    assert found.dtype == torch.float32
    assert torch.equal(found[1:], network.measure(clip[16:32])["videomae_squash_16"])
    assert not torch.allclose(found[0], found[1], atol=1e-3)
    with pytest.raises(ValueError, match=f"{NAME} needs at least 16 frames, got 15"):
        network.measure(clip[:15])


@pytest.mark.parametrize("place", ["", "model", "module"])
def test_a_file_in_half_precision_is_read_wherever_it_keeps_its_tensors(tmp_path, place):
    network = alive().half()
    state = network.state_dict()
    torch.save({place: state, "epoch": 3} if place else state, tmp_path / "w.pth")
    loaded = VideoMae.load(tmp_path / "w.pth", TINY)
    assert isinstance(loaded, Extractor)
    for name, value in loaded.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, state[name].float()), name
    record = describe(loaded)
    assert record["name"] == NAME
    assert record["published"]
    assert len(record["sha256"]) == 64
    assert record["settings"] == {
        "crop": "squash",
        "range": "0 to 1",
        "window_frames": 16,
        "hop_frames": 16,
        "dtype": "float32",
    }


def test_a_wrong_file_is_one_line(tmp_path):
    state = alive().state_dict()
    torch.save(state, tmp_path / "tiny.pth")
    torch.save({"module": state | {"blocks.1.attn.qkv.bias": torch.zeros(72)}}, tmp_path / "more.pth")
    (tmp_path / "page.pth").write_text("<html>no such file</html>")
    with pytest.raises(ValueError, match=r"VideoMae: 1 tensors differ, the first is blocks\.1\.attn\.qkv"):
        VideoMae.load(tmp_path / "more.pth", TINY)
    for name, line in (("tiny.pth", "does not fit VideoMae"), ("page.pth", "not a readable weights file")):
        with pytest.raises(ValueError, match=line) as caught:
            load_published_extractor(NAME, tmp_path / name)  # which is the giant
        assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r"no VideoMae weights at .*vit_g_hybrid_pt_1200e_ssv2"):
        load_published_extractor(NAME, tmp_path / "absent.pth")


@pytest.mark.slow
def test_moee_evaluate_takes_it_from_a_file(tmp_path, monkeypatch, capsys):
    """Folders of videos to a result, with a small network under the giant's name."""
    load, narrow = VideoMae.load, replace(TINY, blocks=1)
    monkeypatch.setattr(VideoMae, "load", lambda path: load(path, narrow))
    torch.save({"module": alive(narrow).half().state_dict()}, tmp_path / "w.pth")
    (tmp_path / "p.yaml").write_text(
        "name: motion\nversion: 1\nmetrics: [psnr]\noptional_metrics: [fvd_videomae_squash_16_n]\n"
        f"optional_extractors: {{motion: {NAME}}}\npreprocessing: {{size: 32}}\n"
    )
    for i, folder in enumerate(("made", "true")):
        (tmp_path / folder).mkdir()
        for clip in range(2):
            write_video(tmp_path / folder / f"{clip}.mp4", frames(17 + clip + 2 * i, 32, 32)[:17])
    words = ["evaluate", "--generated", str(tmp_path / "made"), "--reference", str(tmp_path / "true")]
    words += ["--protocol", str(tmp_path / "p.yaml"), "--out", str(tmp_path / "r.json")]
    assert cli.main([*words, "--extractor", f"{NAME}={tmp_path / 'w.pth'}"]) == 0
    result = Result.read(tmp_path / "r.json")
    record = result.metrics["fvd_videomae_squash_16_n"]
    sides = [torch.cat(side) for side in zip(*result.features["videomae_squash_16"], strict=True)]
    assert [side.shape for side in sides] == [(2, TINY.tokens)] * 2
    assert record["value"] == pytest.approx(frechet_distance(*sides, ddof=0).item(), rel=1e-9)
    assert record["value"] > 0
    assert record["direction"] == "lower"
    assert result.extractors[NAME]["sha256"] == file_digest(tmp_path / "w.pth")
    assert cli.main(words) == 0
    assert list(Result.read(tmp_path / "r.json").metrics) == ["psnr"]
    capsys.readouterr()
    monkeypatch.setenv("MOEE_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    assert cli.main([*words, "--extractor", NAME]) != 0
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    assert "vit_g_hybrid_pt_1200e_ssv2_ft.pth (its sha256 is not known: take" in said
