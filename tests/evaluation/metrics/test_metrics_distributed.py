import os
import socket

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from datamodules.batch import ACTION_UNITS, CLASSES, parse_blend
from evaluation.metrics import METRICS, SET_METRICS, ClipMetric

CLIPS, WIDTH = 5, 7


class SmallFid(SET_METRICS["fid_clean"]):  # type: ignore[misc]
    width = WIDTH


KINDS = {name: kind for name, kind in METRICS.items() if name not in SET_METRICS and "lpips" not in name}
KINDS |= {
    "fid": SmallFid,
    "kid": SET_METRICS["kid_clean"],
}  # lpips: its sums are those of other frame metrics
NAMES = list(KINDS)


def clip_of(kind: type[ClipMetric], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A clip of its own length; what each metric takes."""
    g = torch.Generator().manual_seed(seed)
    frames = 4 + seed
    shapes = {
        "frames": (frames, 3, 24, 24),
        "features": (frames, 64),
        "inception_clean": (frames, WIDTH),
        "action_units": (frames, len(ACTION_UNITS)),
        "landmarks": (frames, 68, 2),
        "mesh_478": (frames + 14, 478, 2),
        "lip_opening": (frames,),
        "identity": (frames, 8),
        "emotion": (frames, len(CLASSES)),
        "sync_video": (frames + 14, 32),
        "embedded_sync_video": (frames + 14, 32),
        "pose_3ddfa": (frames, 3),
        "emotion_fer2013": (frames, 7),
        "emotion_emonet8": (frames, 8),
        "emotion_hsemotion8": (frames, 8),
    }
    shape = shapes[kind.needs[0]]
    pred, true = (torch.rand(shape, generator=g) for _ in range(2))
    if kind.needs[0] == "frames":
        pred, true = (128 + z * 3 for z in (pred, true))
        true[:] = true[:1]
    if kind.needs[1] == "loudness":
        true = true[:, 0, 0]
        true[:12] = 0  # a pause, then speech
    if kind.needs[1] == "blend":
        true = parse_blend(("happy", "happily_surprised", "neutral", "sadly_surprised", "fear")[seed])
    return pred, true[:1] if kind.needs[1] == "identity_reference" else true


def single(name: str) -> torch.Tensor:
    metric = KINDS[name]()
    for seed in range(CLIPS):
        metric.update(*clip_of(KINDS[name], seed))
    return metric.compute()


def worker(rank: int, port: int, splits: list[list[list[int]]], answers) -> None:
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    dist.init_process_group("gloo", rank=rank, world_size=2)
    found = []
    for shares in splits:
        for name in NAMES:
            metric = KINDS[name]()
            for seed in shares[rank]:
                metric.update(*clip_of(KINDS[name], seed))
            found.append(metric.compute().item())
    answers[rank] = found
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_give_the_value_of_one():
    splits = [[[0, 3, 4], [1, 2]], [[0, 1, 2, 3, 4], []]]  # uneven; one process empty
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with mp.Manager() as manager:
        answers = manager.dict()
        mp.spawn(worker, (port, splits, answers), nprocs=2)
        found = dict(answers)
    wanted = [single(name).item() for name in NAMES] * len(splits)
    assert found[0] == pytest.approx(wanted, rel=1e-12, abs=1e-12)
    assert found[1] == found[0]


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_declares_itself(name):
    kind = METRICS[name]
    assert kind.title
    assert kind.version
    assert kind.aggregation in ("frames", "clips", "pooled")
    assert kind.resampling in ("bootstrap", "jackknife")
    assert (kind.higher_is_better is None) == (kind.target is not None)
    metric = kind()
    assert metric.finish(metric.sums).isnan()  # nothing seen is no number


@pytest.mark.parametrize("name", NAMES)
def test_order_and_batches_change_nothing(name):
    metric = KINDS[name]()
    for seed in reversed(range(CLIPS)):
        metric.update(*clip_of(KINDS[name], seed))
    assert metric.compute().item() == pytest.approx(single(name).item(), rel=1e-12)
