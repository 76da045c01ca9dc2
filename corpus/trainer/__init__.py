"""The bundled GPT: the only folder that imports torch, which this file does not."""
