"""Hands Secrets over from another operator, step by step, and back: gather, decide, act."""
