"""API Gateway's data plane, one HTTPS server per region: serves what the control plane says is deployed."""
