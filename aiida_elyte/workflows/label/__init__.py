"""Labellers: frames in, labelled frames out, the refused with their reason."""
