"""No tool: the work runs alone. A comparison with this time shows how much a tool slows the work down."""

from profiles.tools.tool import Tool

TOOL = Tool("plain", sees="how long the work takes")
