"""Reading and writing files: TOML and JSON, arrays, atomic writes, safe paths."""
