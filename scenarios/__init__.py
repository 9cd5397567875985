"""One file for each question that a user of a multi-region stack asks."""
