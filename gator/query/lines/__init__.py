"""Lines and messages of jobs: pages, searches and severities."""
