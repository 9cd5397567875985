"""Game days: a plan of experiments, run in order with people watching, and what came of it."""
