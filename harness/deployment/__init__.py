"""Deploys the reference stack, discovers what is deployed, and judges it rule by rule."""
