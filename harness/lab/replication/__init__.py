"""What of the lab's replication is data: the levers, the planted defects, the record of arrivals. Free of moto."""
