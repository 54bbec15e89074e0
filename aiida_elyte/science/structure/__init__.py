"""Structure of a trajectory's frames: who sits where around whom, and whether the framework still stands."""
