"""How a stage or command runs: settings in, exit status out; sweeps and hyperparameter search."""
