"""What the page tells of items: how late other regions are, what concurrent writes lose, what a cut puts at risk."""
