"""Two runs beside each other: which answers are of the same question, and what the difference is.

`measured` is what is compared, wherever it comes from; `of_runs` and `of_logs` read it from run
folders and from other tools' logs; `pairing` says what can be compared and what cannot;
`comparing` says how much better, and how sure. Knows no command line and no page.
"""
