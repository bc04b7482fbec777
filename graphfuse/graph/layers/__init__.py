"""Patient layers: who resembles whom, by one table, several joined or fused, or as the user
says."""
