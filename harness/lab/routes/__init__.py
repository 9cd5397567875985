"""The lab's own HTTP API for what may be turned and planted, under /lab/ on the control plane's port."""
