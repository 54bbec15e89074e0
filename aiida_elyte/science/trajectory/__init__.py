"""Trajectories: one pass over the frames, and what transport needs of them."""
