"""Forecasters that read a window of rows: networks trained with torch, served by ONNX Runtime without it."""
