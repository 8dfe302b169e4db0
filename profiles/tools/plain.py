"""No tool: the work by itself. Comparison with this time shows how much a tool slows the work down."""

from profiles.tools.tool import Tool

TOOL = Tool("plain", sees="how long the work takes")
