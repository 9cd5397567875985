"""Traffic as locust users, placed at vantages; what they see is in the same history as everything else.

`locust -f harness/load/locustfile.py` is the whole of it for locust's own users; `harness load run` adds faults.
"""
