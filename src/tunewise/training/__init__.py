"""How an encoder is tuned: recipes, and one file a rung."""
