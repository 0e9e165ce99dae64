"""Is a task worth asking? Checks of its own form, and evidence of what it measures.

`checks` need nothing but the task; `shortcuts` train learners that do not read the question.
Knows tasks, scorers and scripted models; no run folder and no command line.
"""
