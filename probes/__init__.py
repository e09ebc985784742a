"""The domain of Kairos: what is checked, how, from where, and what came of it."""
