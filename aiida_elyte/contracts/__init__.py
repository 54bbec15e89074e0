"""Tests that authors of plug-ins inherit, one class a door."""
