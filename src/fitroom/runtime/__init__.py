"""Runs networks on OpenVINO, ONNX Runtime or PyTorch behind one interface."""
