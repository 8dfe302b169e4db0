"""Long work in pieces that are each done once: an interrupted job goes on after its last finished piece."""
