"""The AiiDA profile that a command works on."""

import click

__all__ = ["open_profile"]


def open_profile(create: bool = False) -> str:
    """Load the profile of the command line, or the default one, and return its name.

    Parameters
    ----------
    create
        Make a profile where there is none.

    Raises
    ------
    InputError
        If there is no such profile.
    """
    from aiida_elyte.api import profile

    wanted = click.get_current_context().find_root().obj
    if create and wanted is None and not profile.has_default_profile():
        from aiida_elyte.api.setup import setup

        made = setup()
        click.echo(f"Made the AiiDA profile {made.profile!r} in {made.folder}.", err=True)
        return made.profile
    return profile.open_profile(wanted)
