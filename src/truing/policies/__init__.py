"""Go or no-go: what a product asks of a model, and whether a run proves it."""
