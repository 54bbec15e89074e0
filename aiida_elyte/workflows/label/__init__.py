"""Labellers: frames in, labelled frames out, and why others were set aside."""
