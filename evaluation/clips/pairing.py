"""Each true clip beside what is generated for it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from evaluation.clips.errors import reason
from evaluation.clips.floors import ShownInstead
from evaluation.clips.folders import FinishedVideos
from evaluation.clips.pair import Pair
from evaluation.clips.true_clips import RATE, Clips, Generate


def generated_pairs(
    clips: Clips,
    generate: Generate,
    seeds: Sequence[int] = (0,),
    share: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Iterator[Pair]:
    """One pair for each clip that `share` picks and each seed; what cannot be read or made is a failure."""
    for index in share(range(len(clips.keys))):
        key, identity = clips.keys[index], clips.identities[index]
        try:
            truth: Mapping[str, Any] = clips.load(index)
        except (ValueError, OSError) as error:
            for seed in seeds:
                yield Pair(key, identity, None, clips.known(index), seed, reason(error))
            continue
        for seed in seeds:
            frames, problem = None, ""
            try:
                frames = generate(index, truth, seed)
            except (ValueError, OSError) as error:
                problem = reason(error)
            rate = generate.rates.get(index) if isinstance(generate, FinishedVideos) else None
            own_face = isinstance(generate, ShownInstead)
            yield Pair(key, identity, frames, truth, seed, problem, (rate, truth.get(RATE)), own_face)
