"""How the block model is made and judged; imported by nothing that extracts."""
