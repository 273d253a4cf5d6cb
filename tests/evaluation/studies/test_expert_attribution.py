"""Knock-outs and gates whose answer is known in closed form."""

import pytest
import torch

from evaluation.studies import KnockOut, expert_attribution, mean_gates

EXPERTS = ("happy", "sad", "angry")


def knock_outs(weight, people: int = 4, emotions=EXPERTS) -> list[KnockOut]:
    """Clips that lose `weight(asked, expert)` of one number when an expert goes."""
    made = []
    for asked in emotions:
        for person in range(people):
            whole = {"asked": torch.tensor([0.9]), "units": torch.full((2, 2), 0.1 * person)}
            for expert in EXPERTS:
                loss = weight(asked, expert)
                without = {"asked": whole["asked"] - loss, "units": whole["units"] - loss / 2}
                made.append(KnockOut(f"p{person}", asked, expert, whole, without))
    return made


def test_an_expert_that_does_all_has_the_whole_share():
    found = expert_attribution(knock_outs(lambda asked, expert: 0.5 * (asked == expert)))
    assert found.emotions == found.experts == EXPERTS
    for measure in ("asked", "units"):
        assert {row: cell.value for row, cell in found.own_share[measure].items()} == dict.fromkeys(
            (*EXPERTS, "all"), 1.0
        )
        assert found.moved[measure]["sad"]["sad"].value == pytest.approx(0.5)
        assert found.moved[measure]["sad"]["happy"].value == 0
    assert found.own_share["asked"]["sad"].n == 4
    assert found.own_share["asked"]["all"].n == 12


def test_experts_that_matter_alike_share_evenly():
    found = expert_attribution(knock_outs(lambda asked, expert: 0.2))
    assert found.own_share["units"]["all"].value == pytest.approx(1 / 3)
    assert found.own_share["units"]["all"].interval == pytest.approx((1 / 3, 1 / 3))


def test_what_an_expert_holds_down_rises_without_it():
    found = expert_attribution(knock_outs(lambda asked, expert: 0.4 if asked == expert else -0.1))
    assert found.lost.keys() == {"asked"}  # only a single number has a sign
    assert found.whole["asked"]["angry"].value == pytest.approx(0.9)
    assert found.whole["asked"]["angry"].n == 4
    assert found.lost["asked"]["angry"]["angry"].value == pytest.approx(0.4)
    assert found.lost["asked"]["angry"]["sad"].value == pytest.approx(-0.1)
    assert found.moved["asked"]["angry"]["sad"].value == pytest.approx(0.1)
    share = 0.16 / (0.16 + 2 * 0.01)
    assert found.own_share["asked"]["angry"].value == pytest.approx(share)


def test_an_emotion_without_an_expert_has_movements_but_no_share():
    found = expert_attribution(
        knock_outs(lambda asked, expert: 0.1 + (asked == expert), emotions=("neutral", "sad"))
    )
    assert found.moved["asked"]["neutral"]["sad"].value == pytest.approx(0.1)
    assert found.own_share["asked"].keys() == {"sad", "all"}
    assert found.own_share["asked"]["all"].value == found.own_share["asked"]["sad"].value


def test_intervals_are_over_people_and_need_two():
    noise = torch.Generator().manual_seed(0)

    def weight(asked: str, expert: str) -> float:
        return 0.3 + 0.2 * float(torch.randn((), generator=noise))

    found = expert_attribution(knock_outs(weight, people=12), resamples=500)
    cell = found.moved["asked"]["happy"]["happy"]
    assert cell.interval is not None
    assert cell.interval[0] < cell.value < cell.interval[1]
    alone = expert_attribution(knock_outs(weight, people=1))
    assert alone.moved["asked"]["happy"]["happy"].interval is None
    assert alone.own_share["asked"]["all"].value is not None


def test_nothing_that_moves_is_no_share():
    found = expert_attribution(knock_outs(lambda asked, expert: 0.0))
    assert found.own_share["asked"]["all"].value is None


def test_what_is_no_attribution():
    made = knock_outs(lambda asked, expert: 0.1)
    with pytest.raises(ValueError, match="got none"):
        expert_attribution([])
    with pytest.raises(ValueError, match="angry was left out of other clips than happy"):
        expert_attribution(made[:-1])
    lame = KnockOut("p0", "sad", "sad", {"asked": torch.ones(1)}, {})
    with pytest.raises(ValueError, match="sad without sad lacks it"):
        expert_attribution([lame])
    for without, said in ((torch.ones(2), "one shape"), (torch.tensor([torch.nan]), "not finite")):
        with pytest.raises(ValueError, match=said):
            expert_attribution([KnockOut("p", "sad", "sad", {"asked": torch.ones(1)}, {"asked": without})])


def test_gates_are_averaged_over_frames_and_told_by_emotion():
    open_wide, shut = torch.tensor([[1.0, 0.0]]).repeat(3, 1), torch.tensor([[0.0, 1.0]])
    found = mean_gates([open_wide, shut, shut], ["happy", "happy", "sad"], ["a", "b", "a"], ("happy", "sad"))
    assert found["happy"]["happy"].value == pytest.approx(3 / 4)  # four frames, three of them of one clip
    assert found["happy"]["sad"].value == pytest.approx(1 / 4)
    assert found["sad"]["sad"].value == 1
    assert found["sad"]["sad"].interval is None
    with pytest.raises(ValueError, match=r"expected gates \(F, 6\), got \(3, 2\)"):
        mean_gates([open_wide], ["happy"], ["a"])
    with pytest.raises(ValueError, match="1 timelines, 2 emotions, 1 people"):
        mean_gates([open_wide], ["happy", "sad"], ["a"])
