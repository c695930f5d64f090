"""The report of a comparison: what it found, told in a terminal, as a page, as JSON and as JUnit XML."""
