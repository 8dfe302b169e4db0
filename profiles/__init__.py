"""Profiles: any stage and implementation looked into with a tool, each in a process of its own."""
