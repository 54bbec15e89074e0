import bz2
import gzip
import lzma

import pytest
import zstandard

from aiida_elyte.science.archives import archive_of, open_bytes

PACK = {
    "gzip": gzip.compress,
    "bzip2": lambda text: bz2.compress(text, 1),
    "xz": lzma.compress,
    "zstd": zstandard.compress,
}
TEXT = "".join(f"line {number} {number**3 % 7919}\n" for number in range(20_000)).encode()


@pytest.mark.parametrize("archive", PACK)
def test_archives_are_known_by_their_content_and_read_as_plain_files(tmp_path, archive):
    path = tmp_path / "named.xyz"
    path.write_bytes(PACK[archive](TEXT[:100_000]) + PACK[archive](TEXT[100_000:]))  # two members, one text
    assert archive_of(path) == archive
    with open_bytes(path) as handle:
        assert handle.read() == TEXT
    with open_bytes(path) as handle:
        assert list(handle) == TEXT.splitlines(keepends=True)


def test_plain_and_empty_files_are_no_archives(tmp_path):
    for content in (b"", TEXT):
        (tmp_path / "plain").write_bytes(content)
        assert archive_of(tmp_path / "plain") == ""
        with open_bytes(tmp_path / "plain") as handle:
            assert handle.read() == content


@pytest.mark.parametrize("archive", PACK)
def test_an_archive_that_was_cut_gives_what_is_before_the_cut_and_says_so(tmp_path, archive):
    path = tmp_path / "cut"
    packed = PACK[archive](TEXT)
    path.write_bytes(packed[: 3 * len(packed) // 4])
    pieces: list[bytes] = []
    with open_bytes(path) as handle, pytest.raises(EOFError):
        pieces.extend(iter(lambda: handle.read1(1 << 16), b""))
    assert sum(map(len, pieces)) > len(TEXT) // 4
    assert TEXT.startswith(b"".join(pieces))
