from __future__ import annotations

import os

import pytest

from lifexport.errors import OutputError
from lifexport.files import canonical_json, make_folder, whole_file, write_text


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = write_text(tmp_path / "a.txt", "old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_the_name_appears_with_the_whole_content(tmp_path):
    with whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "a.txt").exists() and temporary.parent == tmp_path and temporary.suffix == ".txt"
    assert (tmp_path / "a.txt").read_text() == "new"


def test_files_are_as_readable_as_any_other(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("")
    assert write_text(tmp_path / "a.txt", "").stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("path", ["none/a.txt", "file/a.txt"])
def test_unwritable_places(tmp_path, path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"LX002.*a\.txt.*fix: "):
        write_text(tmp_path / path, "x")
    with pytest.raises(OutputError, match="LX002"):
        make_folder(tmp_path / "file" / "deep")


def test_a_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OutputError, match="LX002"):
        write_text(tmp_path / "a.txt", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_is_told(tmp_path):
    def full(*_, **__):
        raise OSError(28, os.strerror(28))

    with pytest.raises(OutputError, match="No space left"), whole_file(tmp_path / "a.txt"):
        full()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_made(tmp_path):
    assert make_folder(tmp_path / "a" / "b").is_dir()
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_canonical_json_refuses_nan():
    assert canonical_json({"b": 1, "a": "ä"}) == '{"a":"ä","b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))
