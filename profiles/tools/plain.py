"""No tool: the work by itself, which the slow-down by a tool is measured against."""

from profiles.tools.tool import Tool

TOOL = Tool("plain", sees="how long the work takes")
