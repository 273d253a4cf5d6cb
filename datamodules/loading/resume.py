"""Training data that start where training stands: a resumed run sees what an uninterrupted one would."""

from collections.abc import Iterator

from lightning.pytorch import Trainer
from torch.utils.data import Sampler


class StartingAt(Sampler[int]):
    """Items in order; the first pass starts at `first` and goes round, later passes start at 0.

    The length stays that of a whole pass: when resumed, Lightning counts on from the batch where it stopped,
    and would end the pass too early on a loader that holds only the rest.

    Args:
        items: in one pass.
        first: 0 to `items` - 1.
    """

    def __init__(self, items: int, first: int = 0) -> None:
        if not 0 <= first < items:
            raise ValueError(f"first={first} is not among {items} items")
        self.items, self.first = items, first

    def __len__(self) -> int:
        return self.items

    def __iter__(self) -> Iterator[int]:
        first, self.first = self.first, 0
        yield from range(first, self.items)
        yield from range(first)


def starting_where_training_stands(items: int, global_batch: int, trainer: Trainer | None) -> StartingAt:
    """The sampler of a training loader whose item k is decided by k alone, without a last short batch.

    Args:
        items: in one pass.
        global_batch: items of one batch over all devices.
        trainer: of the data module; None where there is none yet.

    Raises:
        ValueError: if there are not enough items for a batch.
    """
    if items < global_batch:
        raise ValueError(f"{items} items do not fill a batch of {global_batch}")
    batches = trainer.global_step * trainer.accumulate_grad_batches if trainer else 0
    return StartingAt(items, batches % (items // global_batch) * global_batch)
