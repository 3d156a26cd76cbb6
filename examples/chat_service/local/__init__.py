"""Starts what the service needs, on free ports of this machine, in temporary directories."""
