"""Drives the service over HTTP, with all stores. `python -m chat_service.tests path/to/libconv.so`"""
