"""An AWS on loopback: a control plane (moto, extended) and a data plane that does only what the control plane says."""
