"""A measurement study: several models on several rows, and what can be said of all at once.

`answered` holds the scores by model, side and cluster; `cells` a model's rate on a row; `ranks`
which models are shown to be better than which; `claims` whether the later in an order are the
better; `dimensions` how far rows say the same; `studying` puts them together. Knows no command
line and no page.
"""
