"""Outputs that cannot or must not be written are rejected before anything is computed."""

import os
import socket

import pytest

from aiida_elyte.api.files import check_outputs, read_json, write_files
from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import write_frames


@pytest.fixture
def place(tmp_path):
    """A folder with a file, a link to it, a folder, a pipe and a socket."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "folder").mkdir()
    (tmp_path / "screen").symlink_to("/proc/self/fd/1")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        here = os.open(".", os.O_RDONLY)
        os.chdir(tmp_path)  # names of sockets are short
        try:
            one.bind("socket")
        finally:
            os.fchdir(here)
            os.close(here)
        yield tmp_path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("folder", "folder is a folder; expected a file to write"),
        ("", "is a folder; expected a file to write"),
        ("pipe", "pipe is not a regular file"),
        ("socket", "socket is not a regular file"),
        ("screen", "screen is not a regular file"),
        ("file/below", "below cannot be written \\(Not a directory\\)"),
        (300 * "a", "cannot be written \\(File name too long\\)"),
        ("a\0b", "cannot be written \\(embedded null"),
    ],
)
def test_what_cannot_be_replaced_by_a_file_is_rejected_and_left_alone(place, name, said):
    before = {path.name: path.lstat().st_mode for path in place.iterdir()}
    for call in (lambda: check_outputs([place / name]), lambda: write_files({place / name: "text"})):
        with pytest.raises(InputError, match=said):
            call()
    assert {path.name: path.lstat().st_mode for path in place.iterdir()} == before


@pytest.mark.parametrize("name", ["file", "link"])
def test_an_output_that_is_read_too_is_rejected_under_any_name(place, name):
    with pytest.raises(InputError, match="is read too"):
        check_outputs([place / name], [place / "nowhere", place / "folder" / ".." / "file"])
    check_outputs([place / name, place / "new" / "deep"], [place / "nowhere"])


def test_a_folder_of_the_kernel_is_rejected():
    with pytest.raises(InputError, match="is not a regular file"):
        check_outputs(["/proc/x/report.html"])


def test_of_several_files_none_is_written_where_one_cannot_be(place):
    with pytest.raises(InputError, match="is a folder"):
        write_files({place / "file": "theirs", place / "folder": "text"})
    assert (place / "file").read_text() == "mine"


def test_frames_onto_a_folder_are_rejected(place):
    with pytest.raises(InputError, match="folder cannot be written"):
        write_frames([], place / "folder")


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe\x00"])
def test_broken_json_is_said_in_one_line(tmp_path, content):
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"the record .*record\.json cannot be read") as caught:
        read_json(path, "the record")
    assert "\n" not in str(caught.value)
