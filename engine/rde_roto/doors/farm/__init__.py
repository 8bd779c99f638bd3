"""Jobs for render farms. Each farm's module returns the files of a job as text."""
