"""What explains one patient's prediction: attributions, a local linear model, counterfactuals."""
