"""Long work that is done in pieces: if a job is interrupted, the next call goes on after the last finished piece."""
