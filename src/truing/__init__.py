"""Measure how trustworthy a language model is, say how sure that is, show the evidence."""

from importlib.metadata import version as _version

__all__ = ["__version__"]
__version__ = _version("truing")
