"""New test sets: from topics and templates, by a writing model, filtered, with provenance.

`recipes` says what is wanted, `forms` where it comes from (a sub-category, a policy, failures),
`writing` asks a model, `filters` throws out, `validity` asks a judge, `making` puts these together,
`diversity` and `difficulty` measure what is left, `sets` writes the task folder. Opens no models.
"""
