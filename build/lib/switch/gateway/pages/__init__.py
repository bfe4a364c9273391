"""What a customer sees: three languages, one style, nothing from anywhere else."""
