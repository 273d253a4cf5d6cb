"""Reading ahead changes when items are made, and nothing else."""

import threading
from collections.abc import Iterator

import pytest

from evaluation.runtime.read_ahead import read_ahead


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_the_same_in_the_same_order(count: int) -> None:
    assert list(read_ahead(range(count))) == list(range(count))


def test_none_is_an_item_too() -> None:
    assert list(read_ahead([None, 0, None])) == [None, 0, None]


def test_the_next_one_is_made_meanwhile_and_no_more() -> None:
    made, asked = [], threading.Event()

    def items() -> Iterator[int]:
        for number in range(4):
            made.append((number, threading.current_thread() is threading.main_thread()))
            if number == 1:
                asked.set()
            yield number

    ahead = read_ahead(items())
    assert next(ahead) == 0
    assert asked.wait(10)  # before anybody asks for it
    assert made == [(0, False), (1, False)]
    assert list(ahead) == [1, 2, 3]


def test_a_failure_comes_in_its_place_and_an_early_end_is_none() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("torn")

    ahead = read_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="torn"):
        next(ahead)
    for item in read_ahead(range(100)):
        if item == 3:
            break
    assert threading.active_count() < 20
