"""A checkpoint from one layout and file format to another, with its proof, and the state of its optimizer."""
