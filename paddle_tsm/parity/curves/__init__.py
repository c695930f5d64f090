"""Two trainings compared by their curves, which `parity --curves` reads."""
