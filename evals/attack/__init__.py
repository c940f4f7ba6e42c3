"""Attacks on the service from outside: what must not work, tried and measured."""
