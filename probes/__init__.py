"""The domain of Kairos: what is checked, how, from where, and what came of it."""

__version__ = "0.1.0"
