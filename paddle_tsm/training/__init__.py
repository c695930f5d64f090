"""Training a TSM network on a list of clips: recipes, the loop, what it writes, and several processes."""
