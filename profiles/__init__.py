"""Profiles: a tool looks into any implementation of any stage. Each profile runs in a new process."""
