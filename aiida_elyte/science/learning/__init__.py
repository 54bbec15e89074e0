"""Decisions of active learning: what to refuse, what to label, when to stop."""
