"""From failures to training data, from there to an adapter, and the proof on what was held back."""
