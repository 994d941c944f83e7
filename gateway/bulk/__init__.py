"""Many declarations in one call: taken out of what they come in, lodged each for itself, answered in their order."""
