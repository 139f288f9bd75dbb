"""Exports networks to OpenVINO and ONNX, and compares the exported graphs with PyTorch."""
