"""How many planted columns the recipe and its ranking find in cohorts shaped like the user's."""
