import pytest

from aiida_elyte.api.overrides import read_overrides
from aiida_elyte.errors import InputError


def test_overrides_are_a_mapping_or_its_file(tmp_path):
    path = tmp_path / "changes.yaml"
    path.write_text("conductivity: {max_in_flight: 1}\n")
    assert read_overrides(path) == read_overrides(str(path)) == {"conductivity": {"max_in_flight": 1}}
    given = {"seeds": {}}
    assert read_overrides(given) == given
    assert read_overrides(given) is not given
    path.write_text("# nothing\n")
    assert read_overrides(path) == read_overrides(None) == {}


@pytest.mark.parametrize(("text", "said"), [("- 1\n", "holds a list; expected a mapping"), ("a: [", "cannot be read")])
def test_other_files_are_rejected(tmp_path, text, said):
    path = tmp_path / "changes.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_overrides(path)
