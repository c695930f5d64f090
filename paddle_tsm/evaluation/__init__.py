"""A network on a list of clips: scores of the clips, measures of them, ensembles, and the files that hold them."""
