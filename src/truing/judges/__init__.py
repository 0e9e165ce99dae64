"""Judges of open replies: what they are made of, how often they are wrong, what to label next."""
