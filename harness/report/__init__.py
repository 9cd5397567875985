"""Findings and history -> run.json, findings.json, junit.xml and a page that opens offline."""
