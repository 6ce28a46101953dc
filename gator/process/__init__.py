"""Processes of jobs: started, read, sampled, ended and swept; knows no network, no events, no store."""
