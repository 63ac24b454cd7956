"""Programs of Covey: the command line and the report (floor 8)."""
