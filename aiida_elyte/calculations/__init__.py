"""CalcJobs, one file each, and calcfunctions."""
