"""Sheets of paper: data and a template become a PDF that can be read aloud, whatever script a name is written in."""
