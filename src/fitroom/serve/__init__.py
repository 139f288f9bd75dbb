"""Try-on as a web service: a REST interface and a web page."""
