"""The contract of a plug-in that is a record of its settings."""

from dataclasses import FrozenInstanceError, fields, is_dataclass

import pytest

__all__ = ["check_record"]


def check_record(plugin: object, door: type) -> None:
    """Check that a plug-in fits its door, and that its settings are fields which never change."""
    assert isinstance(plugin, door)
    assert is_dataclass(plugin)
    for field in fields(plugin):
        with pytest.raises(FrozenInstanceError):
            setattr(plugin, field.name, None)
