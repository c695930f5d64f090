"""Figures drawn by matplotlib, as PNG."""
