"""What AWS is documented to do, as pure functions and state machines: no sockets, no wall clock, time is an argument."""
