"""Reading MakeHuman's files."""

import gzip
import json

import numpy as np
import pytest

from datamodules.synthetic.head.source.makehuman import find_data, local_targets, read_base, read_target

CUBE = """# a square in two groups
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
g body
f 1/1 2/2 3/3 4/4
g helper-l-eye
f 4/4 3/3 2/2 1/1
"""


@pytest.fixture
def data(tmp_path):
    (tmp_path / "mpfb2/3dobjs").mkdir(parents=True)
    (tmp_path / "mpfb2/3dobjs/base.obj").write_text(CUBE)
    folder = tmp_path / "mpfb2/targets"
    (folder / "nose").mkdir(parents=True)
    sides = {
        f"{sign}-{side}": "" for sign in ("positive", "negative") for side in ("left", "right", "unsided")
    }
    opposites = {**sides, "positive-unsided": "wide-incr", "negative-unsided": "wide-decr"}
    categories = [{"name": "wide", "opposites": opposites}, {"name": "round", "targets": ["round"]}]
    (folder / "target.json").write_text(json.dumps({"nose": {"categories": categories}}))
    for name, text in (
        ("wide-incr", "1 .2 0 0\n"),
        ("wide-decr", "1 -.1 0 0\n"),
        ("round", "# no more\n2 0 .5 0\n"),
    ):
        with gzip.open(folder / "nose" / f"{name}.target.gz", "wt") as file:
            file.write(text)
    return tmp_path


def test_the_base_mesh_by_groups(data):
    base = read_base(find_data(data))
    assert base.vertices.shape == (4, 3)
    assert base.quads["body"].tolist() == [[0, 1, 2, 3]]
    assert base.quad_places["helper-l-eye"].tolist() == [[3, 2, 1, 0]]


def test_opposites_become_half_their_difference(data):
    shapes = local_targets(data, ("nose",), 4)
    np.testing.assert_allclose(shapes["wide"][1], [0.15, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(shapes["round"][2], [0, 0.5, 0])


def test_an_empty_target_moves_nothing(tmp_path):
    (tmp_path / "x.target").write_text("# nothing\n")
    assert not read_target(tmp_path / "x.target", 3).any()


def test_a_folder_without_the_mesh_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no mpfb2/3dobjs/base.obj"):
        find_data(tmp_path)
