"""emotion2vec against FunASR's own class, and on files of both published kinds.

What `FUNASR` holds was printed by funasr 1.4.16 under torch 2.14, in `tests/`, after pip install --no-deps
funasr kaldiio librosa lazy_loader soundfile audioread (which its module imports), for each row with its mask:

    from funasr.models.emotion2vec.model import Emotion2vec
    from emotion2vec_folders import fill, padding, tiny_conf, waveform
    network = Emotion2vec(model_conf=tiny_conf(per_layer, pos_width), vocab_size=9).eval()
    fill(network)
    states = network.extract_features(waveform(), padding_mask=mask)["x"]
    print(states[clip, ::9, ::9].flatten(), network.proj(states.mean(1))[clip, ::4])
"""

from pathlib import Path

import pytest
import torch
from emotion2vec_folders import base_conf, fill, padding, save_fairseq, save_funasr, tiny_conf, waveform
from omegaconf import OmegaConf

from lightning_modules.emotion.speech import SpeechEmotionEncoder
from lightning_modules.speech.emotion2vec import Emotion2vec
from lightning_modules.speech.emotion2vec_files import (
    check_fit,
    convolutions,
    load_emotion2vec,
    published_state,
    settings_from,
)

# By width of the positional convolutions, states and logits: of the first clip, of the second, and of the
# second whose end is padding. With width 20 the kernel is even and each layer has an ALiBi scale of its own.
FUNASR = {
    95: (
        "0.360281 -0.765998 1.507698 0.327008 -0.749818 1.485649 0.330791 -0.766737 1.516630",
        "-1.544637 0.304446 -1.140808",
        "0.154817 -0.641813 1.255472 0.160754 -0.663927 1.361415 0.156738 -0.645162 1.307838",
        "-1.769010 0.464213 -1.067054",
        "0.033604 -0.733328 1.195423 0.047285 -0.755356 1.279455 0.039651 -0.743199 1.238003",
        "-1.893795 0.642209 -0.822720",
    ),
    20: (
        "0.434931 -0.791004 1.518279 0.446761 -0.790948 1.510805 0.421483 -0.793766 1.546177",
        "-1.368874 0.181761 -1.261040",
        "0.389061 -0.832510 1.387718 0.386536 -0.838991 1.454464 0.390664 -0.837590 1.431032",
        "-1.431606 0.131561 -1.253802",
        "0.255151 -0.771485 1.256882 0.250818 -0.784238 1.332288 0.277962 -0.787787 1.291572",
        "-1.445046 0.279426 -1.123358",
    ),
}


def tiny(per_layer: bool = False, pos_width: int = 95, classes: int = 9) -> Emotion2vec:
    network = Emotion2vec(settings_from(tiny_conf(per_layer, pos_width), classes, "conf"))
    fill(network)
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize("pos_width", FUNASR)
def test_states_and_logits_are_those_of_funasr(pos_width: int) -> None:
    network = tiny(per_layer=pos_width == 20, pos_width=pos_width)
    told = [torch.tensor([float(number) for number in row.split()]) for row in FUNASR[pos_width]]
    whole_BND, padded_BND = network(waveform()), network(waveform(), padding())
    assert whole_BND.shape == (2, 19, 24)
    for clip, x_BND, at in ((0, whole_BND, 0), (1, whole_BND, 2), (0, padded_BND, 0), (1, padded_BND, 4)):
        logits_BE = network.proj(x_BND.mean(1))
        torch.testing.assert_close(x_BND[clip, ::9, ::9].flatten(), told[at], atol=1e-5, rtol=0)
        torch.testing.assert_close(logits_BE[clip, ::4], told[at + 1], atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("per_layer", [False, True])
def test_random_weights_give_what_funasr_gives(per_layer: bool) -> None:
    peer = pytest.importorskip("funasr.models.emotion2vec.model", reason="funasr is not installed")
    conf = tiny_conf(per_layer)
    torch.manual_seed(0)
    other = peer.Emotion2vec(model_conf=conf, vocab_size=9).eval().requires_grad_(False)
    for parameter in other.parameters():
        parameter.normal_(0, 0.3)
    other.modality_encoders["AUDIO"].alibi_scale.normal_(0.5, 1)  # some below zero, where they are cut
    network = Emotion2vec(settings_from(conf, 9, "conf")).eval()
    network.load_state_dict(published_state(other.state_dict(), Path("none")))
    for mask in (None, padding()):
        told = other.extract_features(waveform(), padding_mask=mask)["x"]
        torch.testing.assert_close(network(waveform(), mask), told, atol=1e-5, rtol=0)


def test_what_lies_in_the_padding_far_behind_a_voice_changes_nothing() -> None:
    network, sound = tiny(), waveform().repeat(1, 4)
    mask = torch.arange(25600) >= torch.tensor([[25600], [4000]])
    changed = sound.clone()
    changed[1, 20000:] = 9  # nearer ones are heard by the convolutions over positions, as in FunASR
    torch.testing.assert_close(network(changed, mask)[1, :12], network(sound, mask)[1, :12])
    assert not torch.allclose(network(changed)[1, :12], network(sound)[1, :12])


def test_the_published_sizes_have_as_many_parameters() -> None:
    """93,790,988 parameters are in emotion2vec_base.pt, as Akiyama-Kanata/emotion2vec_HCUDB on GitHub counts,
    and in FunASR's class; 619,776 of them are the decoder's. That emotion2vec_plus_large has 185 tensors, and
    their shapes, is from the list by which the project Vokra converts it."""
    conf = base_conf()
    large = base_conf(num_alibi_heads=16) | {"embed_dim": 1024, "num_heads": 16}
    with torch.device("meta"):
        base, plus = (Emotion2vec(settings_from(c, n, "conf")) for c, n in ((conf, 0), (large, 9)))
    decoder = 384 * (48 * 7 + 1) + 3 * 384 * (24 * 7 + 1) + 768 * (384 + 1)
    assert decoder == 619_776
    assert sum(p.numel() for p in base.parameters()) + decoder == 93_790_988
    assert len(plus.state_dict()) == 185
    shapes = {name: tuple(value.shape) for name, value in plus.state_dict().items()}
    audio = "modality_encoders.AUDIO"
    assert shapes[f"{audio}.alibi_scale"] == (1, 1, 16, 1, 1)
    assert shapes[f"{audio}.extra_tokens"] == (1, 10, 1024)
    assert shapes[f"{audio}.local_encoder.conv_layers.6.0.weight"] == (512, 512, 2)
    assert shapes[f"{audio}.local_encoder.conv_layers.6.2.1.bias"] == (512,)
    assert shapes[f"{audio}.project_features.2.weight"] == (1024, 512)
    assert shapes[f"{audio}.relative_positional_encoder.5.0.weight"] == (1024, 64, 19)
    assert shapes[f"{audio}.context_encoder.blocks.3.mlp.fc1.weight"] == (4096, 1024)
    assert shapes["blocks.7.attn.qkv.weight"] == (3072, 1024)
    assert shapes["proj.weight"] == (9, 1024)


def speech() -> torch.Tensor:
    time = torch.arange(12_800) / 16_000
    quiet = 0.01 * torch.sin(2 * torch.pi * 150 * time) * (1.2 + torch.sin(20 * time))
    return torch.stack([quiet, 0.3 + 20 * quiet.flip(0)])


def test_a_folder_of_funasr_is_a_speech_emotion_encoder(tmp_path: Path) -> None:
    network = tiny()
    save_funasr(tmp_path, tiny_conf(), network.state_dict())
    encoder = SpeechEmotionEncoder(tokens=2, folder=str(tmp_path)).train()
    assert encoder.width == 24
    assert not encoder.model.inner.training
    token_BFTD = encoder(speech())
    assert token_BFTD.shape == (2, 1, 2, 24)
    token_BFTD.sum().backward()
    assert {name for name, p in encoder.named_parameters() if p.grad is not None} == {
        "pool.score.weight",
        "pool.score.bias",
    }
    for clip, state_ND in zip(speech(), encoder._published(speech()), strict=True):
        heard = torch.nn.functional.layer_norm(clip, clip.shape)  # one clip at a time, as FunASR prepares it
        torch.testing.assert_close(state_ND, network(heard[None])[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_of_fairseq_brings_its_settings(tmp_path: Path, zipped: bool) -> None:
    network, conf = tiny(classes=0), tiny_conf() | {"normalize": False}
    save_fairseq(tmp_path, conf, network.state_dict(), _use_new_zipfile_serialization=zipped)
    loaded, normalised = load_emotion2vec(tmp_path)
    assert loaded.proj is None
    assert not normalised
    encoder = SpeechEmotionEncoder(folder=str(tmp_path))
    torch.testing.assert_close(encoder._published(speech()), network(speech()), atol=0, rtol=0)


def test_settings_beside_a_checkpoint_go_before_its_own(tmp_path: Path) -> None:
    save_fairseq(tmp_path, tiny_conf(), tiny(classes=0).state_dict())
    conf = OmegaConf.create({"model": "Emotion2vec", "model_conf": tiny_conf() | {"normalize": False}})
    OmegaConf.save(conf, tmp_path / "config.yaml")
    assert not load_emotion2vec(tmp_path)[1]


def refusal(folder: Path) -> str:
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        SpeechEmotionEncoder(folder=str(folder))
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_folder_that_is_not_whole_gets_one_line(tmp_path: Path) -> None:
    assert "no config.json of a transformers model there, and not one .pt file" in refusal(tmp_path / "none")
    state = tiny().state_dict()
    save_funasr(tmp_path, tiny_conf(), state)
    (tmp_path / "config.yaml").unlink()
    assert "no config.yaml there; copy the one published beside the .pt file" in refusal(tmp_path)
    (tmp_path / "config.yaml").write_text("model: {a: [\n")
    assert "config.yaml is not readable YAML" in refusal(tmp_path)
    (tmp_path / "config.yaml").write_text("model: Paraformer\nmodel_conf: {}\n")
    assert "model is 'Paraformer', expected 'Emotion2vec'" in refusal(tmp_path)
    (tmp_path / "config.yaml").write_text("model: Emotion2vec\n")
    assert "no modalities, which emotion2vec needs" in refusal(tmp_path)
    torch.save(state, tmp_path / "second.pt")
    assert "but model.pt, second.pt" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("layer_norm_first", True, "layer_norm_first is True, in the published networks False"),
        ("num_heads", 12, "num_alibi_heads is 6, in the published networks 12"),
        ("normalize", None, "normalize is None, expected true or false"),
        ("norm_eps", "small", "could not convert string to float: 'small'"),
        ("embed_dim", 48, "extra_tokens is (1, 10, 24), expected (1, 10, 48)"),
        ("depth", 2, "0 tensors are missing, 12 are of another network, the first is blocks.2.attn"),
        ("depth", 4, "12 tensors are missing, 0 are of another network, the first is blocks.3.attn"),
    ],
)
def test_settings_of_another_network_get_one_line(
    tmp_path: Path, name: str, value: object, words: str
) -> None:
    save_funasr(tmp_path, tiny_conf() | {name: value}, tiny().state_dict())
    assert words in refusal(tmp_path)


def test_a_file_of_another_network_or_a_program_gets_one_line(tmp_path: Path) -> None:
    save_funasr(tmp_path, tiny_conf(), torch.nn.Linear(2, 2).state_dict())
    assert "are missing, 2 are of another network" in refusal(tmp_path)
    torch.save({"model": {"weight": 3}}, tmp_path / "model.pt")
    assert "'weight' is no tensor" in refusal(tmp_path)
    torch.save({"model": torch.zeros(2)}, tmp_path / "model.pt")
    assert "its model is Tensor" in refusal(tmp_path)
    torch.save([1, 2], tmp_path / "model.pt")
    assert "expected a dictionary, got list" in refusal(tmp_path)
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")  # a module is a program to the unpickler
    assert "model.pt is not a readable weights file" in refusal(tmp_path)
    for content in (b"", b"junk\n", b"not a checkpoint", (tmp_path / "model.pt").read_bytes()[:400]):
        (tmp_path / "model.pt").write_bytes(content)
        assert "model.pt is not a readable weights file" in refusal(tmp_path)


def test_only_the_named_parts_of_training_are_left_out(tmp_path: Path) -> None:
    network = tiny()
    training = {"modality_encoders.AUDIO.decoder.blocks.0.0.weight": torch.zeros(1), "_ema": {}}
    named = {f"d2v_model.{name}": value for name, value in (network.state_dict() | training).items()}
    check_fit(network, published_state(named, tmp_path), tmp_path)
    named["d2v_model.recon_proj.bias"] = torch.zeros(1)
    with pytest.raises(ValueError, match=r"1 are of another network, the first is recon_proj\.bias"):
        check_fit(network, published_state(named, tmp_path), tmp_path)


def test_a_list_of_convolutions_is_read_and_not_run() -> None:
    assert convolutions(base_conf()["modalities"]["audio"]["feature_encoder_spec"]) == (
        (512, 10, 5),
        *[(512, 3, 2)] * 4,
        *[(512, 2, 2)] * 2,
    )
    bombs = ("[(1, 2, 3)] * 10000000000000", "[(1, 2, 3)]" + " * 100" * 9, "+".join(["[]"] * 20_000))
    for spec in ("__import__('os').getcwd()", "[(512, 3)]", "[(512,", "7", "[(1, 2, 3)] - [1]", *bombs):
        with pytest.raises(ValueError, match="expected lists of three numbers each"):
            convolutions(spec)
