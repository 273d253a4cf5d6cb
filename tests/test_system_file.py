import json
import re

import pytest

from moee.system_file import read_system


def test_what_made_the_videos_is_read(tmp_path):
    path = tmp_path / "system.json"
    path.write_text(
        json.dumps(
            {
                "sampled_by": "a lab",
                "evaluated_by": "us",
                "checkpoint_sha256": "a" * 64,
                "seeds": [0, 1],
                "settings": {"steps": 40},
                "seconds_per_frame": 0.8,
            }
        )
    )
    system = read_system(path, "theirs")
    assert (system.name, system.role, system.seeds, system.seconds_per_frame) == (
        "theirs",
        "system",
        [0, 1],
        0.8,
    )
    assert system.settings == {"steps": 40, "sampled_by": "a lab", "evaluated_by": "us"}
    assert read_system(None, "theirs").settings == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "expected one JSON object"),
        ('{"sampled": "x"}', "did you mean 'sampled_by'"),
        ('{"seeds": 0}', "seeds must be list, got 0"),
        ('{"seeds": ["0"]}', "seeds must be whole numbers"),
        ('{"seconds_per_frame": -1}', "must be positive, got -1"),
        ('{"seconds_per_frame": true}', "must be int or float, got True"),
        ('{"checkpoint_sha256": "abc"}', "64 hexadecimal digits"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path, text, said):
    path = tmp_path / "system.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        read_system(path, "x")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        read_system(tmp_path / "none.json", "x")
