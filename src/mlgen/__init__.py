"""mlgen compiles one ML project spec into native CI configs that mean the same."""

__version__ = "0.1.0"
