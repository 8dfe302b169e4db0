"""Pages: blocks as lines of a terminal or as an HTML page, and figures as JSON."""
