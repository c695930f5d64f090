"""What is printed: text from outside as literal text, progress bars, and how to install what is missing."""
