"""Files: TOML read as shapes, folders and files written whole or not at all."""
