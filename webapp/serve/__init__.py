"""The trained model as a service: a REST API, and a page to try it."""
