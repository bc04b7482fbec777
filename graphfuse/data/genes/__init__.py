"""What the columns of a table measure: genes and their symbols."""
