"""All tests, and the vectors that were recorded from the upstream systems."""
