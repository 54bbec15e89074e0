"""The library: what the command line does, to call from Python. Functions print nothing and raise ``InputError``."""
