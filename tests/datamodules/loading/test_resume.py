"""Training data that start where training stands."""

from types import SimpleNamespace

import pytest
from torch.utils.data import DataLoader

from datamodules.loading.resume import StartingAt, starting_where_training_stands


def test_the_first_pass_goes_round_and_the_next_starts_over():
    sampler = StartingAt(5, 3)
    assert (list(sampler), list(sampler), len(sampler)) == ([3, 4, 0, 1, 2], [0, 1, 2, 3, 4], 5)


@pytest.mark.parametrize("step", [0, 1, 4, 7])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_batches_go_on_where_training_stands(step, accumulate):
    trainer = SimpleNamespace(global_step=step, accumulate_grad_batches=accumulate)
    whole = DataLoader(range(11), 2, sampler=StartingAt(11), drop_last=True)
    rest = DataLoader(range(11), 2, sampler=starting_where_training_stands(11, 2, trainer), drop_last=True)
    done = step * accumulate % 5
    assert [b.tolist() for b in rest][: 5 - done] == [b.tolist() for b in whole][done:]
    assert len(rest) == len(whole)


def test_too_few_items_are_refused():
    with pytest.raises(ValueError, match="3 items do not fill a batch of 4"):
        starting_where_training_stands(3, 4, None)
    with pytest.raises(ValueError, match="first=5"):
        StartingAt(5, 5)
