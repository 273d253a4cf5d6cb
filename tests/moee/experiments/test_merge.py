"""How YAML files combine."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from moee.experiments.merge import from_dotted, from_pairs, load, merge


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


def test_parents_are_merged_left_to_right_and_the_file_wins(tmp_path):
    write(tmp_path, a="x: 1\ny: 1\nz: 1", b="y: 2\nz: 2", c="extends: [a.yaml, b.yaml]\nz: 3")
    sources = []
    assert load(tmp_path / "c.yaml", tmp_path, sources) == {"x": 1, "y": 2, "z": 3}
    assert [path.stem for path in sources] == ["a", "b", "c"]


def test_a_parent_may_lie_beside_the_file_or_below_the_root(tmp_path):
    root, own = tmp_path / "root", tmp_path / "own"
    root.mkdir()
    own.mkdir()
    write(root, base="x: root\ny: 1")
    write(own, near="x: near", exp="extends: [base.yaml, near.yaml]")
    assert load(own / "exp.yaml", root) == {"x": "near", "y": 1}


def test_interpolation_is_not_resolved_while_merging(tmp_path):
    write(tmp_path, a='d: 1\nw: "${d}"', b="extends: a.yaml\nd: 2")
    assert load(tmp_path / "b.yaml", tmp_path).w == 2


def test_a_changed_class_drops_the_arguments_of_the_old_one():
    base = OmegaConf.create({"m": {"class_path": "A", "init_args": {"a": 1, "part": {"class_path": "P"}}}})
    changed = merge(base, OmegaConf.create({"m": {"class_path": "B", "init_args": {"b": 2}}}))
    assert changed == {"m": {"class_path": "B", "init_args": {"b": 2}}}
    same = merge(base, OmegaConf.create({"m": {"class_path": "A", "init_args": {"b": 2}}}))
    assert same.m.init_args == {"a": 1, "b": 2, "part": {"class_path": "P"}}
    assert base.m.init_args.a == 1, "merging must not change what it was given"


def test_a_changed_class_deep_inside_leaves_the_rest():
    base = OmegaConf.create(
        {"m": {"class_path": "A", "init_args": {"p": {"class_path": "P", "init_args": {"k": 1}}}}}
    )
    own = from_pairs(["m.init_args.p.class_path=Q"])
    assert merge(base, own) == {"m": {"class_path": "A", "init_args": {"p": {"class_path": "Q"}}}}


def test_a_part_can_be_switched_off_and_on():
    base = OmegaConf.create({"p": {"class_path": "A", "init_args": {"k": 1}}})
    off = merge(base, OmegaConf.create({"p": None}))
    assert off == {"p": None}
    assert merge(off, base) == base


def test_pairs_are_read_as_yaml_and_may_interpolate():
    assert from_pairs(["a.b=1e-3", "c=[1, 2]", "d=null", "e=x=y"]) == {
        "a": {"b": 1e-3},
        "c": [1, 2],
        "d": None,
        "e": "x=y",
    }
    assert merge(OmegaConf.create({"w": 4}), from_pairs(["v=${w}"])).v == 4


@pytest.mark.parametrize("pair", ["steps", "=3", "--fast"])
def test_what_is_no_pair_is_refused(pair):
    with pytest.raises(ValueError, match="key=value"):
        from_pairs([pair])


def test_dotted_keys_nest():
    assert from_dotted({"a.b": 1, "a.c": 2, "d": {"e": 3}}) == {"a": {"b": 1, "c": 2}, "d": {"e": 3}}


def test_broken_files_are_one_line(tmp_path):
    write(
        tmp_path,
        broken="a: [1",
        listing="- 1",
        lost="extends: nowhere.yaml",
        a="extends: b.yaml",
        b="extends: a.yaml",
    )
    for name, what in {
        "broken": "YAML",
        "listing": "list",
        "lost": "nowhere.yaml",
        "a": "extends itself",
    }.items():
        with pytest.raises((ValueError, FileNotFoundError), match=what) as caught:
            load(tmp_path / f"{name}.yaml", tmp_path)
        assert "\n" not in str(caught.value)


def test_a_file_exports_what_it_names_itself(tmp_path):
    (tmp_path / "parent.yaml").write_text("export: {a.safetensors: x}\n")
    (tmp_path / "child.yaml").write_text("extends: parent.yaml\nexport: {b.safetensors: y}\n")
    (tmp_path / "heir.yaml").write_text("extends: parent.yaml\n")
    assert load(tmp_path / "child.yaml", tmp_path).export == {"b.safetensors": "y"}
    assert load(tmp_path / "heir.yaml", tmp_path).export == {"a.safetensors": "x"}


@pytest.mark.parametrize("parents", ["null", "[]"])
def test_no_parents_are_none(tmp_path, parents):
    (tmp_path / "a.yaml").write_text(f"extends: {parents}\nname: x\n")
    assert load(tmp_path / "a.yaml", tmp_path) == {"name": "x"}
    (tmp_path / "a.yaml").write_text("extends: [3]\nname: x\n")
    with pytest.raises(ValueError, match="extends 3: expected names of YAML files"):
        load(tmp_path / "a.yaml", tmp_path)
