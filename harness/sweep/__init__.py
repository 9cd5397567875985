"""The routing map of a service in one go: which region the name servers name for each of many client subnets.

subnets (which to ask about) -> asking (a part of the map, over the network; parts merge) -> table (a Parquet file)
-> comparing (two such files: who moved, and who should have).
"""
