"""Reports of runs, benches and subtypes: one HTML file each, which opens offline."""
