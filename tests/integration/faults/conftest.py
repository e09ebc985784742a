"""A pipeline for all tests of a module, and a registry that can keep its workers waiting."""

from tests.fakes.held_pipeline import pipeline, registry, variables

__all__ = ["pipeline", "registry", "variables"]
