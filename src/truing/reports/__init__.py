"""What a run tells: numbers (`profile`), then how they look. Reads headers and journals alone."""
