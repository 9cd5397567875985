"""What AWS is documented to do, as pure functions and state machines: no sockets, and time is an argument."""
