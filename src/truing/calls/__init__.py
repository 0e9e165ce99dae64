"""What stands between the engine and a model: retry, adaptive concurrency, limits, cache, budget.

`Caller` wraps any model in these and is a model itself. Knows no provider and no sample.
"""
