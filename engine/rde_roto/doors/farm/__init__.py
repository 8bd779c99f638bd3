"""Jobs for render farms. Each farm's module says the files of a job, as text."""
