"""The fuzzing itself: reproducible, and able to find the faults that it is there for."""

from pathlib import Path

import numpy as np

from aiida_elyte.errors import InputError
from tests.fuzz.laws import violations
from tests.fuzz.mutations import MUTATIONS, mutate
from tests.fuzz.readings import Reading
from tests.fuzz.seed_files import Seed

TEXT = b"1 0.25 -0.50\n2 0.75 -0.25\n3 1.25 -1.25\n"
STARTS = (0, 13, 26)


def reading_of(text):
    rows = [line.split() for line in text.splitlines()]
    return Reading([{"number": np.array([float(word) for word in row])} for row in rows])


def seed_with(read):
    return Seed("numbers", "numbers.txt", lambda: TEXT, read, "frames")


def faults_of(read, tmp_path):
    return [one.fault for one in violations(seed_with(read), reading_of(TEXT.decode()), tmp_path, range(300))]


def careful(path: Path):
    """Read rows of three numbers, the whole file or nothing."""
    try:
        rows = [line.split() for line in path.read_text().split("\n")[:-1]]
        found = [np.array([float(word) for word in row]) for row in rows]
    except ValueError as error:
        raise InputError(f"{path} cannot be read") from error
    if (
        path.read_bytes()[-1:] != b"\n"
        or len(found) != 3
        or any(len(row) != 3 or not np.isfinite(row).all() for row in found)
    ):
        raise InputError(f"{path} is not three rows of three numbers")
    return Reading([{"number": row} for row in found])


def test_one_seed_gives_one_mutation():
    assert mutate(TEXT, STARTS, "1") == mutate(TEXT, STARTS, "1")


def test_every_mutation_is_drawn():
    drawn = {mutate(TEXT, STARTS, str(number)).content for number in range(2000)}
    assert len(drawn) > 10 * len(MUTATIONS)


def test_stars_and_nan_replace_one_number_and_keep_the_rest():
    for number in range(200):
        mutation = mutate(TEXT, (), str(number))
        if mutation.name.startswith(("stars", "nan ")):
            before, after = TEXT.split(), mutation.content.split()
            assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_a_careful_reader_breaks_no_law(tmp_path):
    assert faults_of(careful, tmp_path) == []


def test_a_traceback_is_found(tmp_path):
    faults = faults_of(lambda path: reading_of(path.read_text(errors="replace")), tmp_path)
    assert any(fault.startswith("ValueError") for fault in faults)


def test_a_number_cut_short_is_found(tmp_path):
    def trusting(path):
        try:
            return reading_of(path.read_text())
        except ValueError as error:
            raise InputError(f"{path} cannot be read") from error

    faults = faults_of(trusting, tmp_path)
    assert any("is none of the file's" in fault for fault in faults)
    assert any("nothing said" in fault for fault in faults)
    assert any("NaN" in fault for fault in faults)


def test_a_message_that_does_not_name_the_file_is_found(tmp_path):
    def mute(path):
        try:
            return careful(path)
        except InputError as error:
            raise InputError("cannot be read") from error

    assert any("does not name numbers.txt" in fault for fault in faults_of(mute, tmp_path))
