"""What a meter serves on the HAN, one module for each cluster, from the facts that values.Values names."""
