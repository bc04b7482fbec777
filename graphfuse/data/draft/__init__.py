"""A first manifest for tables that nobody has described yet."""
