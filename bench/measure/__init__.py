"""What the benchmarks share: processes and their cost, the load, the servers, the far sides."""
