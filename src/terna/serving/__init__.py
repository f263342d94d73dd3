"""Using a finished encoder: the command line, the demo, ONNX export."""
