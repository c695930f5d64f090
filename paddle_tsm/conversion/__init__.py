"""From one layout and file format to another: converting, proving it, the matrix of layouts, and an optimizer's state."""
