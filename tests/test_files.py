from __future__ import annotations

import os
import stat

import pytest

from lifexport import files
from lifexport.errors import FileError, OutputError
from lifexport.files import canonical_json, read_json, require_place, whole_file, whole_files, write_text


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
        require_place(tmp_path / "file" / "deep", replaces=bool)


def test_a_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / "a.txt").mkdir()
    for path in (tmp_path / "a.txt", tmp_path):
        with pytest.raises(OutputError, match=r"LX002.*: a folder; fix: choose a new name"):
            write_text(path, "x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_an_empty_name():
    with pytest.raises(OutputError, match=r"LX002.*an empty name; fix: name the file"):
        write_text("", "x")


@pytest.mark.parametrize("kind", ["pipe", "link to a pipe"])
def test_what_is_not_a_file_is_never_replaced(tmp_path, kind):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    path = pipe
    if kind != "pipe":
        path = tmp_path / "link"
        path.symlink_to(pipe)
    with pytest.raises(OutputError, match=r"LX002.*: not a regular file"):
        write_text(path, "x")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("old", ["old", None])
def test_a_link_is_followed_and_stays(tmp_path, old):
    (tmp_path / "far").mkdir()
    real, link = tmp_path / "far" / "real.txt", tmp_path / "link.txt"
    if old is not None:
        real.write_text(old)
    link.symlink_to("far/real.txt")
    write_text(link, "new")
    assert link.is_symlink() and not real.is_symlink() and real.read_text() == "new"
    assert len(list((tmp_path / "far").iterdir())) == 1


def test_a_link_to_itself_is_told(tmp_path):
    (tmp_path / "a.txt").symlink_to("a.txt")
    with pytest.raises(OutputError, match=r"LX002.*a\.txt"):
        write_text(tmp_path / "a.txt", "x")
    assert (tmp_path / "a.txt").is_symlink()


def test_a_full_disk_is_told(tmp_path):
    def full(*_, **__):
        raise OSError(28, os.strerror(28))

    with pytest.raises(OutputError, match="No space left"), whole_file(tmp_path / "a.txt"):
        full()
    assert list(tmp_path.iterdir()) == []


def test_an_error_about_another_file_keeps_its_words(tmp_path):
    with pytest.raises(OutputError) as caught, whole_file(tmp_path / "a.txt"):
        write_text(tmp_path / "none" / "b.txt", "x")
    assert str(caught.value).count("LX002") == 1 and "b.txt" in str(caught.value)


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_several_files_appear_together(tmp_path):
    write_text(tmp_path / "a", "old")
    (tmp_path / "b").symlink_to("real")
    with whole_files(tmp_path) as draft:
        for name in "abc":
            write_text(draft / name, f"new {name}")
        assert (tmp_path / "a").read_text() == "old" and draft.parent == tmp_path
    assert content(tmp_path) == {"a": "new a", "b": "new b", "real": "new b", "c": "new c"}
    assert (tmp_path / "b").is_symlink()


@pytest.mark.parametrize("problem", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_an_interruption_leaves_the_old_set(tmp_path, problem):
    write_text(tmp_path / "a", "old")
    with pytest.raises(problem), whole_files(tmp_path) as draft:
        write_text(draft / "a", "new")
        raise problem
    assert content(tmp_path) == {"a": "old"}


def test_a_set_that_cannot_be_placed_changes_nothing(tmp_path, monkeypatch):
    write_text(tmp_path / "a", "old")
    copy, (code, said) = files.shutil.copyfile, (28, os.strerror(28))

    def full(source, target):
        if source.name == "b":
            raise OSError(code, said)
        return copy(source, target)

    monkeypatch.setattr(files.shutil, "copyfile", full)
    with pytest.raises(OutputError) as caught, whole_files(tmp_path) as draft:
        for name in "abc":
            write_text(draft / name, "new")
    assert str(caught.value).count("LX002") == 1 and said in str(caught.value)
    assert content(tmp_path) == {"a": "old"}


STRANGE = {
    "a key twice": ('{"a": {"reset": 1, "reset": 2}}', "key 'reset' is given twice"),
    "NaN": ('{"a": NaN}', "NaN is not a number"),
    "infinity": ("[-Infinity]", "-Infinity is not a number"),
    "infinity in digits": ("[1e999]", "not JSON compliant"),
    "half a character": ('["\\ud800"]', "surrogates not allowed"),
    "deep": ("[" * 100000 + "]" * 100000, "nested too deeply"),
    "deep objects": ('{"a":' * 100000 + "1" + "}" * 100000, "nested too deeply"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_json_means_one_thing(tmp_path, name):
    text, said = STRANGE[name]
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(FileError, match=rf"LX003.*a\.json: not JSON \(.*{said}"):
        read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('{"a": [1, 2.5, "ä", null]}')
    assert read_json(tmp_path / "a.json") == {"a": [1, 2.5, "ä", None]}


def test_a_place_is_tried_before_the_work(tmp_path):
    assert require_place(tmp_path / "a" / "b", replaces=bool) == tmp_path / "a" / "b"
    assert list((tmp_path / "a").iterdir()) == []
    (tmp_path / "a" / "notes").write_text("mine")
    with pytest.raises(OutputError, match="LX002"):
        require_place(tmp_path / "a", replaces=lambda folder: False)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["notes"]


def test_canonical_json_refuses_nan():
    assert canonical_json({"b": 1, "a": "ä"}) == '{"a":"ä","b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))
