"""YAML flows: a file names steps and edges, and is checked from end to end before anything runs."""

from ingestkit_core.recipes.loading import RecipeError, load_recipe
from ingestkit_core.recipes.model import Recipe
from ingestkit_core.recipes.running import StepEvent, run_recipe

__all__ = ["Recipe", "RecipeError", "StepEvent", "load_recipe", "run_recipe"]
