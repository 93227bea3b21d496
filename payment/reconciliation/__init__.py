"""Our books beside the provider's, a day or a payment at a time. Reads only; what is wrong is named, never mended in silence."""
