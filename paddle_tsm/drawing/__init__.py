"""The style of all figures, and figures as PNG files. matplotlib draws them."""
