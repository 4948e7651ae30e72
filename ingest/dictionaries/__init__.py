"""What studies promise about their variables, read from dictionary.csv or their own formats."""
