"""Profiles: a tool looks into any implementation of any stage, each time in a new process."""
