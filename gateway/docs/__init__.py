"""What is published about an installation: schemas and pages, the same over HTTP and as files."""
