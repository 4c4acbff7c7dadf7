"""The tests; campaigns in validation/ and robustness/ run as python -m tests.…"""
