"""Whether a global table kept its promises: seven properties, each defined once, in plain Python.

`definitions` is the specification. `plain` judges every key by it; `columnar` first sifts a large history in columns
for the keys that could break a property, and judges those by the same definitions.
"""
