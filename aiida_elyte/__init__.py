"""Ionic conductivity with an honest error bar, every number traceable through AiiDA."""

__version__ = "0.1.0"
