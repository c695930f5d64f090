"""Several processes that Paddle's launcher started: what they tell each other, and how they share out a list."""
