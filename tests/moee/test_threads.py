"""Threads fit beside what else runs on the machine, and a number given by hand stays."""

import json
import os

import pytest
import torch

from moee import threads
from moee.threads import CoreUsage, idle_threads, parse_busy_ticks, prepare_threads, settle_threads

STAT = """cpu  30 0 30 400 5 3 3 0 0 0
cpu0 10 1 10 200 5 1 2 3 9 9
cpu1 20 0 20 200 0 0 0 0 0 0
intr 5
"""
START = CoreUsage(clock=100.0, busy=50.0, own=1.0)


@pytest.fixture
def free_environment(monkeypatch):
    """Nobody has chosen a number of threads; what a test sets is taken back."""
    for name in (*threads.CHOSEN_BY_HAND, "MKL_NUM_THREADS", "GOMP_SPINCOUNT"):
        monkeypatch.setenv(name, "1")  # so that monkeypatch knows it and brings it back
        monkeypatch.delenv(name)
    number = torch.get_num_threads()
    yield
    torch.set_num_threads(number)


def test_busy_is_all_but_idle_and_waiting_for_disks():
    assert parse_busy_ticks(STAT, [0]) == 10 + 1 + 10 + 1 + 2 + 3
    assert parse_busy_ticks(STAT, [0, 1]) == 27 + 40
    with pytest.raises(ValueError, match=r"\[2\]"):
        parse_busy_ticks(STAT, [1, 2])


@pytest.mark.parametrize(
    ("others", "count", "expected"),
    [(0.0, 2, 2), (0.4, 2, 2), (1.0, 2, 1), (1.33, 2, 1), (2.0, 2, 1), (3.0, 16, 13), (40.0, 16, 1)],
)
def test_others_leave_so_many_threads(others, count, expected):
    after = CoreUsage(clock=104.0, busy=50.0 + 4 * (others + 0.9), own=1.0 + 4 * 0.9)
    assert idle_threads(START, after, count) == expected


def test_a_glance_says_nothing():
    assert idle_threads(START, CoreUsage(clock=100.1, busy=60.0, own=1.0), 8) == 8


def test_own_work_beyond_all_work_counts_as_no_others():
    assert idle_threads(START, CoreUsage(clock=104.0, busy=51.0, own=5.0), 2) == 2


def test_a_number_by_hand_goes_before_what_is_free(free_environment, monkeypatch):
    monkeypatch.setenv("MOEE_THREADS", "3")
    prepare_threads()
    assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == "3"
    torch.set_num_threads(2)
    assert settle_threads() == 2


def test_on_a_busy_machine_one_thread_is_left(free_environment, monkeypatch):
    prepare_threads()
    assert int(os.environ["GOMP_SPINCOUNT"]) == threads.SPINS
    busy = CoreUsage(clock=110.0, busy=50.0 + 10 * 64, own=1.0)
    monkeypatch.setattr(threads, "usage_at_start", lambda: START)
    monkeypatch.setattr(threads, "core_usage", lambda: busy)
    monkeypatch.setattr(threads, "cores", lambda: [0, 1])
    assert settle_threads() == torch.get_num_threads() == 1
    free = CoreUsage(clock=110.0, busy=59.0, own=10.0)
    monkeypatch.setattr(threads, "core_usage", lambda: free)
    assert settle_threads() == 2


def test_a_run_goes_on_with_the_threads_it_began_with(free_environment, tmp_path):
    from moee.experiments.run_directory import environment, recorded_threads

    assert recorded_threads(tmp_path) is None
    record = environment()
    record["hardware"]["threads"] = 3
    (tmp_path / "environment.json").write_text(json.dumps(record))
    assert settle_threads(recorded_threads(tmp_path)) == torch.get_num_threads() == 3
    record["hardware"]["cores"] += 1
    (tmp_path / "environment.json").write_text(json.dumps(record))
    assert recorded_threads(tmp_path) is None
    (tmp_path / "environment.json").write_text("{")
    with pytest.raises(ValueError, match=r"environment\.json is not JSON"):
        recorded_threads(tmp_path)


def test_a_system_that_does_not_tell_changes_nothing(free_environment, monkeypatch):
    monkeypatch.setattr(threads, "usage_at_start", lambda: None)
    before = torch.get_num_threads()
    assert settle_threads() == before
