"""One look at the target each: (target, vantage, ...) -> observation."""
